"""What a Service's type, policies and addresses do to its traffic: sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubeapi.meta import JSON
from kubeapi.objects.endpointslice import HEADLESS_LABEL, NAME_SERVER_PROXY, PROXY_NAME_LABEL
from kubeapi.objects.service import Service, load_balancer_ingresses
from kubeapi.store import Store
from kubeapi.validation.addresses import parse_address
from kubeproxy.rules import Reason
from kubeproxy.tracing.trace import policy_name, reason_of
from kubesvc.why.explain.findings import Finding, hint, note, problem
from kubesvc.why.explain.paths import Path
from kubesvc.why.explain.pods import events_of
from kubesvc.wording import listed


def explain_kind(service: Service) -> Iterator[Finding]:
    """Yield what kind of Service it is, if it does not have an address with endpoints behind it."""
    if service.is_external_name:
        yield from _external_name(service)
        return
    if service.labels.get(PROXY_NAME_LABEL) == NAME_SERVER_PROXY:
        yield note("The cluster's own name server listens at its addresses: it needs no endpoints.")
    elif PROXY_NAME_LABEL in service.labels:
        yield problem(
            f'It is left to the proxy "{service.labels[PROXY_NAME_LABEL]}" by its label {PROXY_NAME_LABEL}: '
            "kubesvc does not serve its addresses."
        )
    elif HEADLESS_LABEL in service.labels:
        yield problem(f"Its label {HEADLESS_LABEL} tells the proxy to leave it alone: nothing serves its addresses.")
    if service.is_headless:
        yield note(
            "It is headless (clusterIP None): nothing listens for it and nothing is balanced; DNS answers with the "
            "addresses of its ready endpoints, where the target ports are to be used."
        )


def explain_addresses(store: Store, obj: JSON, service: Service, paths: Sequence[Path]) -> Iterator[Finding]:
    """Yield what is wrong or worth knowing about the Service's addresses."""
    for error in dict.fromkeys(each.error for each in paths if each.error):
        yield problem(f"{error}.")
    yield from _unserved_protocols(service, paths)
    if service.type == "LoadBalancer":
        yield from _load_balancer(store, obj, service)
    yield from _node_ports(obj, service)
    yield from _terminating(paths)
    yield from _policies(service, paths)


def _external_name(service: Service) -> Iterator[Finding]:
    yield note(
        f"It is nothing but a name: DNS answers with a CNAME to {service.external_name}. It has no address, no "
        "endpoints and no ports of its own; clients connect to the port that the other host has."
    )
    if parse_address(service.external_name) is not None:
        yield problem(
            f'externalName "{service.external_name}" looks like an address, but is resolved as a name; an address '
            "needs a Service without selector, with Endpoints."
        )
    if service.selector:
        yield hint("Its selector is ignored, as long as its type is ExternalName.")


def _unserved_protocols(service: Service, paths: Sequence[Path]) -> Iterator[Finding]:
    served = {(each.port_name.port, each.port_name.protocol) for each in paths}
    if served:
        for port in service.ports:
            if (port.name, port.protocol) not in served:
                yield problem(f"Port {port.port}/{port.protocol} is not served: {port.protocol} is not available here.")


def _load_balancer(store: Store, obj: JSON, service: Service) -> Iterator[Finding]:
    ingresses = load_balancer_ingresses(obj)
    wanted = obj["spec"].get("loadBalancerClass")
    if not ingresses and wanted:
        yield problem(
            f'Its load-balancer address is pending: it asks for the loadBalancerClass "{wanted}", and kubesvc gives '
            "addresses to Services without a class only."
        )
    elif not ingresses:
        events = events_of(store, obj, "SyncLoadBalancerFailed")
        why = events[-1]["message"] if events else "the service controller has not given it one yet"
        yield problem(f"Its load-balancer address is pending: {why}.")
    for each in ingresses:
        if each.get("ipMode") == "Proxy":
            yield note(f"Its load-balancer address {each['ip']} has ipMode Proxy: nothing on this machine serves it.")
        elif not each.get("ip"):
            yield note(f"Its load balancer is the host {each.get('hostname', '')}: nothing on this machine serves it.")
    if service.load_balancer_source_ranges:
        ranges = listed(service.load_balancer_source_ranges)
        yield note(f"Its load-balancer address answers clients from {ranges} only; for others it is silent.")


def _node_ports(obj: JSON, service: Service) -> Iterator[Finding]:
    if service.type not in ("NodePort", "LoadBalancer"):
        return
    for port in service.ports:
        if port.node_port:
            continue
        if obj["spec"].get("allocateLoadBalancerNodePorts") is False:
            yield note(f"Port {port.port} has no node port: allocateLoadBalancerNodePorts is false.")
        else:
            yield problem(f"Port {port.port} has no node port yet.")


def _terminating(paths: Sequence[Path]) -> Iterator[Finding]:
    decisions = [group.decision for path in paths for group in path.groups]
    is_any_ready = any(endpoint.is_ready for each in decisions for endpoint in each.endpoints)
    if not is_any_ready and any(Reason.TERMINATING in each.reasons for each in decisions):
        yield note("No endpoint is ready; those that terminate, but still serve, take the traffic meanwhile.")


def _policies(service: Service, paths: Sequence[Path]) -> Iterator[Finding]:
    """Yield the nodes where a policy Local drops the packets of clients, although other clients are served."""
    for policy in ("internalTrafficPolicy", "externalTrafficPolicy"):
        found = [group.decision for path in paths if policy_name(path.kind) == policy for group in path.groups]
        silent = [reason_of(each) for each in found if Reason.NO_LOCAL_ENDPOINT in each.reasons]
        if not silent:
            continue
        where = sorted({endpoint.node_name for each in found for endpoint in each.endpoints})
        having = f"; endpoints are on {listed(where)}" if where and where != [""] else ""
        yield hint(f"{listed(dict.fromkeys(silent))}: connections there time out{having}.")
    if service.publish_not_ready_addresses:
        yield note("publishNotReadyAddresses is true: pods that are not ready take traffic as well.")
