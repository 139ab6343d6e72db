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

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.container import ContainerStatus
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import map_at
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import read_service
from kubeapi.scheme import EVENTS, NODES, PODS, SERVICES, Resource
from kubeapi.store import Store
from kubeproxy.plane import ListenerStatus
from kubesvc.why.servicestatus import service_document, slices_by_service

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

    def service(obj: JSON) -> JSON:
        key = key_of(obj)
        return service_document(read_service(obj), listeners.get(key, ()), slices.get(key, ()), readings.zone)

    def pod(obj: JSON) -> JSON:
        return _pod(obj, readings.pids.get(key_of(obj), {}))

    def each(resource: Resource, read: Callable[[JSON], JSON]) -> list[JSON]:
        return list(
            store.faults.read_each("kubesvc (status)", resource, sorted(store.list(resource), key=key_of), read)
        )

    return {
        "name": readings.name,
        "pid": readings.pid,
        "version": readings.version,
        "ready": not readings.waiting_for,
        "waitingFor": list(readings.waiting_for),
        "problems": list(readings.problems),
        "dns": {"zone": readings.zone, "addresses": list(map(_dns_address, readings.dns))},
        "nodes": each(NODES, _node),
        "services": each(SERVICES, service),
        "pods": each(PODS, pod),
        "warnings": _warnings(store.list(EVENTS)),
    }


def _dns_address(at: DNSAddress) -> JSON:
    return {"address": at.address, "port": at.port, "protocols": ["UDP", "TCP"], "error": at.error}


def _node(obj: JSON) -> JSON:
    node = read_node(obj)
    return {"name": node.name, "addresses": node.addresses("InternalIP")}


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
