"""The explanation of one Service, as `kubesvc explain -o json` prints it. Pure: objects and rules in, JSON out.

It repeats the messages of the components and asks their functions; it decides nothing itself.

    namespace, name, type   the Service
    summary                 one sentence
    healthy                 whether there is no problem: nothing that makes clients fail
    findings                weight (problem, hint or note) and text, the heaviest first
    endpoints               as in the status document
    paths                   every address: address, servicePort, port, protocol, portName, kind, bound, error
        ways                how clients are treated: clients (outside, or a node), verdict, reason, endpoints,
                            closed (by NetworkPolicies)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from kubeapi.meta import JSON, ObjectKey, key_of, labels_of, matches_labels
from kubeapi.objects.endpointslice import NAME_SERVER_PROXY, PROXY_NAME_LABEL
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import Service, read_service
from kubeapi.scheme import PODS
from kubeapi.store import Store
from kubeproxy.plane import ListenerStatus
from kubeproxy.rules import Rules
from kubesvc.network.loopback import LOW_PORTS_END, PORT_SHIFT
from kubesvc.why.explain.addresses import explain_addresses, explain_kind
from kubesvc.why.explain.balancing import explain_balancing
from kubesvc.why.explain.doubts import NO_DOUBTS, Doubts
from kubesvc.why.explain.findings import Finding, Weight, grouped, hint, note, problem
from kubesvc.why.explain.paths import Path, path_document, paths_of
from kubesvc.why.explain.pods import events_of, why_not_ready
from kubesvc.why.explain.policies import explain_policies
from kubesvc.why.explain.ports import explain_ports, explain_slice_ports
from kubesvc.why.explain.selection import explain_hand_made, explain_selection
from kubesvc.why.podsockets import TAKEN, Wildcard
from kubesvc.why.servicestatus import endpoints_of, slices_by_service
from kubesvc.wording import counted, listed

_ORDER = tuple(Weight)


class Observed(NamedTuple):
    """What the running parts of the cluster know that the Store does not.

    ``doubts`` are what the proxy knows against endpoints, ``unresolved`` is why an ExternalName has no address,
    ``wildcards`` are the ports that programs in pods have opened on all addresses, ``default_balancer`` is the
    algorithm of Services that ask for none. ``not_carried`` is what does not work through another cluster's API.
    """

    rules: Rules
    listeners: Sequence[ListenerStatus]
    doubts: Doubts = NO_DOUBTS
    unresolved: str = ""
    wildcards: Collection[Wildcard] = ()
    default_balancer: str = "random"
    not_carried: Sequence[str] = ()


def explain_service(store: Store, obj: JSON, observed: Observed) -> dict[str, Any]:
    """Return the explanation of a Service object of ``store``."""
    service = read_service(obj)
    slices = slices_by_service(store, (service.key,)).get(service.key, ())
    endpoints = endpoints_of(store, slices)
    paths = paths_of(observed.rules, service.key, observed.listeners)
    findings = _findings(store, obj, endpoints, paths, observed)
    return {
        "namespace": service.key.namespace,
        "name": service.key.name,
        "type": service.type,
        "summary": _summary(service, endpoints),
        "healthy": not any(each.weight is Weight.PROBLEM for each in findings),
        "findings": [{"weight": each.weight.value, "text": each.text} for each in findings],
        "endpoints": endpoints,
        "paths": [path_document(each) for each in paths],
    }


def _findings(
    store: Store, obj: JSON, endpoints: Sequence[JSON], paths: Sequence[Path], observed: Observed
) -> list[Finding]:
    """Return everything that was found, the heaviest first."""
    service = read_service(obj)
    findings = [*explain_kind(service), *([problem(observed.unresolved)] if observed.unresolved else [])]
    weigh = hint if endpoints else problem
    findings += [weigh(f"Not carried from the other cluster: {each}.") for each in observed.not_carried]
    if not service.is_external_name:
        findings += [*_backends(store, service, endpoints, observed), *explain_addresses(store, obj, service, paths)]
        findings += explain_balancing(observed.rules, service.key, observed.default_balancer)
        findings += explain_policies(observed.rules, service.key)
        findings += _doubtful(observed.rules, service.key, observed.doubts)
        findings += _sharing(store, _selected(store, service), endpoints, observed.wildcards)
    return sorted(findings, key=lambda each: _ORDER.index(each.weight))


def _backends(store: Store, service: Service, endpoints: Sequence[JSON], observed: Observed) -> Iterator[Finding]:
    """Yield why pods are missing among the endpoints, or take no traffic."""
    if not service.selector:
        if not observed.not_carried:
            yield from explain_hand_made(store, service, has_endpoints=bool(endpoints))
            yield from explain_slice_ports(service, endpoints)
        for address in [each["address"] for each in endpoints if not each["ready"]]:
            yield problem(f"The endpoint {address} is said to be not ready.")
        return
    pods = _selected(store, service)
    if not pods and service.labels.get(PROXY_NAME_LABEL) == NAME_SERVER_PROXY:
        return
    if not pods:
        yield from explain_selection(store, service)
        return
    for reason, group in grouped(pods, lambda pod: why_not_ready(store, pod)):
        text = f"{_named(group)} {reason}."
        yield note(text) if all(map(_is_leaving, group)) else problem(text)
    of_pods = [*explain_ports(service, [each for each in pods if not read_pod(each).is_finished])]
    yield from of_pods
    if not observed.not_carried and not any(each.weight is Weight.PROBLEM for each in of_pods):
        yield from explain_slice_ports(service, endpoints)


def _selected(store: Store, service: Service) -> list[JSON]:
    """Return the pods that a Service selects, none for one without a selector."""
    if not service.selector:
        return []
    return [
        each for each in store.list(PODS, service.key.namespace) if matches_labels(service.selector, labels_of(each))
    ]


def _doubtful(rules: Rules, service: ObjectKey, doubts: Doubts) -> Iterator[Finding]:
    """Yield what the proxy knows against the endpoints that clients may get."""
    for name in rules.by_service.get(service, ()):
        for address in rules.ports[name].reachable():
            if address in doubts:
                yield problem(f"The endpoint {address} {doubts[address]}.")


def _sharing(
    store: Store, pods: Sequence[JSON], endpoints: Sequence[JSON], wildcards: Collection[Wildcard]
) -> Iterator[Finding]:
    """Yield the programs that take traffic of ``pods`` by listening on all addresses, and the pods that cannot start.

    Such a program does no harm while no other pod wants the port.
    """
    ports = {place for each in endpoints for port in each["ports"] for place in _bound_ports(port)}
    at_ports = [each for each in wildcards if (each.protocol, each.port) in ports]
    keys = {key_of(each) for each in pods}
    is_contested = len(keys | {each.pod for each in at_ports}) > 1
    for each in at_ports:
        yield problem(_sentence(each)) if is_contested else hint(_sentence(each))
    for pod in pods:
        events = events_of(store, pod, TAKEN)
        if events and not read_pod(pod).is_ready:
            yield problem(f"Pod {key_of(pod).name}: {events[-1]['message']}")


def _bound_ports(port: JSON) -> Iterator[tuple[str, int]]:
    number = port["port"] or 0
    yield port["protocol"], number
    if number < LOW_PORTS_END:
        yield port["protocol"], number + PORT_SHIFT


def _sentence(wildcard: Wildcard) -> str:
    text = str(wildcard)
    return text[0].upper() + text[1:]


def _is_leaving(pod: JSON) -> bool:
    """Tell whether the pod is absent because it is being deleted, or has succeeded: that is no fault."""
    return read_pod(pod).is_terminating or read_pod(pod).phase == "Succeeded"


def _named(pods: Sequence[JSON]) -> str:
    names = [each["metadata"]["name"] for each in pods]
    return f"Pod {names[0]}" if len(names) == 1 else f"Each of {counted(len(names), 'pod')} ({listed(names)})"


def _summary(service: Service, endpoints: Sequence[JSON]) -> str:
    kind = "headless" if service.is_headless else service.type
    subject = f"Service {service.key} ({kind})"
    if service.is_external_name:
        return f"{subject} is a name for {service.external_name}."
    ready = sum(each["ready"] for each in endpoints)
    if not endpoints:
        return f"{subject} has no endpoints."
    if service.ports and not any(each["ports"] for each in endpoints):
        return f"{subject} has {counted(len(endpoints), 'endpoint')}, none of them with its ports."
    if not ready:
        return f"{subject} has {counted(len(endpoints), 'endpoint')}, none of them ready."
    return f"{subject} has {counted(len(endpoints), 'endpoint')}, {'all' if ready == len(endpoints) else ready} ready."
