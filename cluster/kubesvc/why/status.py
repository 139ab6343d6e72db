"""The status document: what `kubesvc status -o json` says. Pure: readings in, JSON out.

It is an interface that scripts rely on: keys are added, never renamed or removed, and every key is always there.
Texts are "" and numbers null where there is nothing to say; lists are sorted, by namespace and name where they have
these.

    name, pid, version      the cluster's name, the process that is the cluster, the version of kubesvc
    ready                   whether nothing is waited for
    waitingFor              what is not ready yet, a sentence each
    problems                what the cluster could not have and does without (a port for metrics ...), a sentence each
    dns.zone                the zone of the cluster's names
    dns.addresses           where names are answered
        address, port       port is not 53 where this process may not bind 53
        protocols           UDP and TCP
        error               why it could not be bound, "" if it is
    nodes                   the nodes
        name, addresses     node ports answer at the addresses
    services                the Services
        namespace, name, type
        clusterIP           "None" for a headless Service, "" for ExternalName
        clusterIPs          of each family one, clusterIP first
        externalName        what an ExternalName stands for
        dnsName             the Service's full name
        proxyName           who serves it instead of the proxy (label service.kubernetes.io/service-proxy-name)
        ports               what it offers
            name, port, protocol, appProtocol
            targetPort      a number, or the name of a container's port
            nodePort        null if it has none
        listeners           every address and port that it asks this machine for
            address, port   where it answers; port is 10000 more than servicePort without the privilege to bind that
            servicePort     the port that was asked for: the Service's, or its node port
            portName, protocol
            kind            clusterIP, externalIP, loadBalancer or nodePort
            nodePort        whether the kind is nodePort
            target          the targetPort that it leads to
            bound           whether it is open now; without a ready endpoint it is not, so that clients are refused
            error           why it could not be opened
        endpoints           what it leads to, ready or not
            pod             the pod's name, "" for an endpoint outside the cluster
            address, node
            ports           name, port, protocol
            ready, serving, terminating    the conditions of its EndpointSlice
    pods                    the pods
        namespace, name
        phase, status       status is the STATUS column of kubectl, CrashLoopBackOff for instance
        ready, podIP, node
        readyContainers, totalContainers, restarts    as kubectl counts them: sidecars too, others only at their turn
        podIPs              of each family one, podIP first
        pid                 of the first container that runs, null if none does
        containers          the same of each of its containers, by name
            image
    warnings                the last Warning events, the newest last
        object              kind/name
        namespace, reason, message, count, lastTimestamp
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.container import ContainerStatus
from kubeapi.objects.endpointslice import PROXY_NAME_LABEL, EndpointSlice, read_endpoint_slice, service_of_slice
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import map_at
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import Service, read_service
from kubeapi.scheme import ENDPOINTSLICES, EVENTS, NODES, PODS, SERVICES
from kubeapi.store import Store
from kubeproxy.plane import ListenerStatus

RECENT_WARNINGS = 20
"""Warning events in the document, newest last."""


class DNSAddress(NamedTuple):
    """One address at which the cluster's DNS answers, by UDP and TCP; ``error`` when it could not be bound."""

    address: str
    port: int
    error: str


@dataclass(frozen=True)
class Readings:
    """What the composition root knows and the Store does not."""

    name: str
    pid: int
    version: str
    zone: str
    listeners: Sequence[ListenerStatus]
    dns: Sequence[DNSAddress]
    pids: Mapping[ObjectKey, Mapping[str, int]]
    waiting_for: Sequence[str]
    problems: Sequence[str] = ()


def status_document(store: Store, readings: Readings) -> dict[str, Any]:
    """Return the whole document."""
    slices = slices_by_service(store)
    listeners: dict[ObjectKey, list[ListenerStatus]] = {}
    for listener in readings.listeners:
        listeners.setdefault(listener.port_name.service, []).append(listener)
    read_each = partial(store.faults.read_each, "kubesvc (status)")

    def service(obj: JSON) -> JSON:
        key = key_of(obj)
        return _service(read_service(obj), listeners.get(key, ()), slices.get(key, ()), readings.zone)

    def pod(obj: JSON) -> JSON:
        return _pod(obj, readings.pids.get(key_of(obj), {}))

    return {
        "name": readings.name,
        "pid": readings.pid,
        "version": readings.version,
        "ready": not readings.waiting_for,
        "waitingFor": list(readings.waiting_for),
        "problems": list(readings.problems),
        "dns": {"zone": readings.zone, "addresses": [_dns_address(each) for each in readings.dns]},
        "nodes": list(read_each(NODES, sorted(store.list(NODES), key=key_of), _node)),
        "services": list(read_each(SERVICES, sorted(store.list(SERVICES), key=key_of), service)),
        "pods": list(read_each(PODS, sorted(store.list(PODS), key=key_of), pod)),
        "warnings": _warnings(store.list(EVENTS)),
    }


def slices_by_service(
    store: Store, wanted: Collection[ObjectKey] | None = None
) -> dict[ObjectKey, list[EndpointSlice]]:
    """Return every Service's slices, or those of the ``wanted`` ones."""
    found: dict[ObjectKey, list[EndpointSlice]] = {}

    def read(obj: JSON) -> None:
        service = service_of_slice(obj)
        if service is not None and (wanted is None or service in wanted):
            found.setdefault(service, []).append(read_endpoint_slice(obj))

    for _ in store.faults.read_each("kubesvc (status)", ENDPOINTSLICES, store.list(ENDPOINTSLICES), read):
        pass
    return found


def _dns_address(each: DNSAddress) -> JSON:
    return {"address": each.address, "port": each.port, "protocols": ["UDP", "TCP"], "error": each.error}


def _node(obj: JSON) -> JSON:
    node = read_node(obj)
    return {"name": node.name, "addresses": node.addresses("InternalIP")}


def _service(service: Service, listeners: Iterable[ListenerStatus], slices: Iterable[EndpointSlice], zone: str) -> JSON:
    targets = {(port.name, port.protocol): port.target_port for port in service.ports}
    return {
        "namespace": service.key.namespace,
        "name": service.key.name,
        "type": service.type,
        "clusterIP": service.cluster_ips[0] if service.cluster_ips else "",
        "clusterIPs": list(service.cluster_ips),
        "externalName": service.external_name,
        "dnsName": f"{service.key.name}.{service.key.namespace}.svc.{zone}",
        "proxyName": service.labels.get(PROXY_NAME_LABEL, ""),
        "ports": [
            {
                "name": port.name,
                "port": port.port,
                "protocol": port.protocol,
                "appProtocol": port.app_protocol,
                "targetPort": port.target_port,
                "nodePort": port.node_port or None,
            }
            for port in service.ports
        ],
        "listeners": [
            {
                "address": each.address,
                "port": each.port,
                "servicePort": each.requested_port,
                "portName": each.port_name.port,
                "protocol": each.protocol,
                "kind": each.kind.value,
                "nodePort": each.kind == "nodePort",
                "target": targets.get((each.port_name.port, each.protocol)),
                "bound": each.is_bound,
                "error": each.error,
            }
            for each in sorted(
                listeners, key=lambda each: (each.kind, each.address, each.requested_port, each.protocol)
            )
        ],
        "endpoints": sorted(
            (endpoint for each in slices for endpoint in endpoints_of(each)),
            key=lambda each: (each["pod"], each["address"]),
        ),
    }


def endpoints_of(endpoint_slice: EndpointSlice) -> list[JSON]:
    """Return the endpoints of one slice, with the ports that all of them have."""
    ports = [{"name": port.name, "port": port.port, "protocol": port.protocol} for port in endpoint_slice.ports]
    return [
        {
            "pod": endpoint.target,
            "address": endpoint.addresses[0] if endpoint.addresses else "",
            "ports": ports,
            "ready": endpoint.is_ready,
            "serving": endpoint.is_serving,
            "terminating": endpoint.is_terminating,
            "node": endpoint.node_name,
        }
        for endpoint in endpoint_slice.endpoints
    ]


def _pod(obj: JSON, pids: Mapping[str, int]) -> JSON:
    pod = read_pod(obj)
    summary = pod.summary
    return {
        "namespace": pod.key.namespace,
        "name": pod.key.name,
        "phase": pod.phase,
        "status": summary.status,
        "ready": pod.is_ready,
        "readyContainers": summary.ready,
        "totalContainers": summary.total,
        "podIP": pod.ips[0] if pod.ips else "",
        "podIPs": list(pod.ips),
        "node": pod.node_name,
        "pid": next(iter(pids.values()), None),
        "restarts": summary.restarts,
        "containers": [_container(each, pids) for each in pod.container_statuses],
    }


def _container(status: ContainerStatus, pids: Mapping[str, int]) -> JSON:
    return {
        "name": status.name,
        "image": status.image,
        "pid": pids.get(status.name),
        "ready": status.is_ready,
        "restarts": status.restart_count,
    }


def _warnings(events: Iterable[JSON]) -> list[JSON]:
    warnings = sorted(
        (event for event in events if event.get("type") == "Warning"),
        key=lambda event: (event.get("lastTimestamp") or "", int(event["metadata"]["resourceVersion"])),
    )
    return [
        {
            **_about(map_at(event, "involvedObject")),
            "reason": event.get("reason", ""),
            "message": event.get("message", ""),
            "count": event.get("count", 1),
            "lastTimestamp": event.get("lastTimestamp"),
        }
        for event in warnings[-RECENT_WARNINGS:]
    ]


def _about(involved: JSON) -> JSON:
    """Return what an event is about; a client may have left out any of it."""
    name = f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"
    return {"object": name, "namespace": involved.get("namespace", "")}
