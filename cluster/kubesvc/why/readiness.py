"""What a cluster waits for until it is ready. Pure: reads the Store and the listeners, returns reasons.

Ready means: every Deployment has its replicas available, every other pod is ready or has succeeded (or has failed and
is its controller's to replace), every program has settled, and every address of every Service with a ready endpoint is
bound. A Service without pods does not count, nor does what a machine may lack: SCTP and IPv6 addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from kubeapi.kinds import KINDS
from kubeapi.meta import JSON, ObjectKey, controller_of, key_of
from kubeapi.objects.daemonset import read_daemon_set
from kubeapi.objects.endpointslice import PROXY_NAME_LABEL, EndpointSlice
from kubeapi.objects.pod import Pod, read_pod
from kubeapi.objects.service import Service, read_service
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import DAEMONSETS, DEPLOYMENTS, PODS, SERVICES
from kubeapi.store import Store
from kubelet.pod.programs import RunningProgram
from kubeproxy.plane import ListenerStatus
from kubesvc.why.servicestatus import slices_by_service

NAME = "kubesvc (readiness)"
OPTIONAL_PROTOCOLS = frozenset({"SCTP"})
"""Protocols that a kernel may lack. An event reports it; readiness does not depend on it."""
SETTLED_SECONDS = 1.0
"""Age from which a program without probes and open ports counts as running."""


def waiting_for(store: Store, listeners: Sequence[ListenerStatus]) -> list[str]:
    """Return one sentence per thing that is not ready; an empty list means ready."""
    reasons = [*_workloads(store), *_pods(store)]
    return reasons or [*refused_addresses(listeners), *unbound_services(store, listeners)]


def unsettled(
    programs: Iterable[RunningProgram], now: float, listening: Callable[[int], Iterable[tuple[str, int]]]
) -> list[str]:
    """Return one sentence per program that has only just started, and may fail in its first lines.

    A program without probes is ready as soon as it runs, as in a cluster. It has settled when a port that it declares
    is open, or after SETTLED_SECONDS. ``listening`` returns the listening TCP sockets of the network of a process, of
    this one for 0; it is called only if needed.
    """
    young = [each for each in programs if not each.is_probed and now - each.started_at < SETTLED_SECONDS]
    is_shared = any(each.ports and not each.is_sandboxed for each in young)
    places = frozenset(listening(0)) if is_shared else frozenset()

    def is_open(program: RunningProgram) -> bool:
        ports = {port for protocol, port in program.ports if protocol == "TCP"}
        if program.is_sandboxed:
            return bool(ports) and any(port in ports for _, port in listening(program.pid))
        return not places.isdisjoint((program.pod_ip, port) for port in ports)

    return [f"Pod {each.pod}: container {each.container} has only just started" for each in young if not is_open(each)]


def _workloads(store: Store) -> Iterator[str]:
    for resource in (each.resource for each in KINDS if each.is_scalable):
        yield from filter(None, store.failures.read_each(NAME, resource, store.list(resource), _workload))


def _workload(obj: JSON) -> str:
    if obj["kind"] != DEPLOYMENTS.kind and controller_of(obj) is not None:
        return ""
    workload = read_daemon_set(obj) if obj["kind"] == DAEMONSETS.kind else read_workload(obj)
    wanted, available = workload.replicas, workload.available_replicas
    updated = workload.updated_replicas if obj["kind"] == DEPLOYMENTS.kind else wanted
    if workload.is_observed and available >= wanted > updated:
        return f"{obj['kind']} {key_of(obj)}: {updated} of {wanted} replicas updated"
    if not workload.is_observed or available < wanted:
        return f"{obj['kind']} {key_of(obj)}: {available} of {wanted} replicas available"
    return ""


def _pods(store: Store) -> Iterator[str]:
    yield from filter(None, store.failures.read_each(NAME, PODS, store.list(PODS), _pod))


def _pod(obj: JSON) -> str:
    pod = read_pod(obj)
    is_replaced = pod.is_finished and controller_of(obj) is not None
    return f"Pod {pod.key}: {pod.summary.status}" if is_awaited(pod) and not is_replaced else ""


def is_awaited(pod: Pod) -> bool:
    """Tell whether a pod keeps the cluster from being ready: it is neither ready nor done nor being deleted."""
    return pod.phase != "Succeeded" and not pod.is_ready and not pod.is_terminating


def refused_addresses(listeners: Sequence[ListenerStatus]) -> Iterator[str]:
    """Yield one sentence per address that cannot be bound."""
    for listener in listeners:
        if listener.error and not listener.is_bound and not _may_be_missing(listener):
            yield f"Service {listener.port_name.service}: {listener.error}"


def unbound_services(store: Store, listeners: Sequence[ListenerStatus]) -> Iterator[str]:
    """Yield one sentence per Service with a ready endpoint whose addresses are about to be bound."""
    settled = {each.port_name.service for each in listeners if each.is_bound or each.error}
    unsettled = [obj for obj in store.list(SERVICES) if key_of(obj) not in settled]
    waiting = [each for each in store.failures.read_each(NAME, SERVICES, unsettled, read_service) if _is_proxied(each)]
    slices = slices_by_service(store, frozenset(each.key for each in waiting))
    for service in waiting:
        if service.ports and _has_ready_endpoint(service, slices.get(service.key, ())):
            yield f"Service {service.key}: its addresses are not bound yet"


def _may_be_missing(listener: ListenerStatus) -> bool:
    """Tell whether the listener needs something that a machine may lack."""
    return listener.protocol in OPTIONAL_PROTOCOLS or ":" in listener.address


def _is_proxied(service: Service) -> bool:
    is_ours = PROXY_NAME_LABEL not in service.labels
    return is_ours and bool(service.cluster_ips) and not service.is_headless and not service.is_external_name


def services_without_endpoints(store: Store, listeners: Sequence[ListenerStatus]) -> Iterator[ObjectKey]:
    """Yield the Services that should have a ready endpoint and have none; a bound listener implies one."""
    bound = {each.port_name.service for each in listeners if each.is_bound}
    others = [obj for obj in store.list(SERVICES) if key_of(obj) not in bound]
    services = [
        each
        for each in store.failures.read_each(NAME, SERVICES, others, read_service)
        if PROXY_NAME_LABEL not in each.labels and not each.is_external_name
    ]
    slices = slices_by_service(store, frozenset(each.key for each in services))
    for service in services:
        if not _has_ready_endpoint(service, slices.get(service.key, ())):
            yield service.key


def _has_ready_endpoint(service: Service, slices: Iterable[EndpointSlice]) -> bool:
    """Tell whether any endpoint is ready. Slices without any port of the Service do not count if it has ports."""
    return any(endpoint.is_ready for each in slices if _has_port_of(service, each) for endpoint in each.endpoints)


def _has_port_of(service: Service, part: EndpointSlice) -> bool:
    """Tell whether a slice has a port of a Service, by name and protocol, and with a number, as kube-proxy does.

    Any will do for the names of a headless one, which say nothing of ports.
    """
    if not service.ports or service.is_headless:
        return bool(part.ports) or not service.ports
    own = {(each.name, each.protocol) for each in service.ports}
    return any(each.port and (each.name, each.protocol) in own for each in part.ports)
