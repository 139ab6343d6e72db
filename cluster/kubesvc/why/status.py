"""The status document, which `kubesvc status -o json` prints. Pure.

It is an interface for scripts: keys are added, never renamed or removed, and every key is always present. Missing texts
are "", missing numbers null. Lists are sorted, by namespace and name if they have these.

    name, pid, version      the cluster's name, the process that is the cluster, the version of kubesvc
    ready                   whether waitingFor is empty
    waitingFor              what is not ready yet, a sentence each
    problems                what the cluster runs without (a port for metrics ...) and its faults, a sentence each
    plan                    exact: addresses as in a cluster; loopback: all in 127.0.0.0/8
    sandbox                 whether each pod has namespaces of its own
        mode                namespaces or none
        why, remedy         why it is so; what would change it, "" without a need
        internet            why its pods do not reach the internet, "" if nothing is known to be in the way
    upstream                the cluster whose objects these are (`kubesvc connect`); all "" for a cluster of its own
        context, server     of the kubeconfig
        namespace           the namespace that is shown, "" for all
        selector            the labels of the Services that are shown, "" for all
    dns.zone                the zone of the cluster's names
    dns.addresses           where DNS answers
        address, port       port is 10053 if this process may not bind 53
        protocols           UDP and TCP
        error               why it could not be bound, "" if it is
    nodes                   the nodes
        name, addresses     its internal IPs, where node ports answer
    services                the Services
        namespace, name, type
        clusterIP           "None" for a headless Service, "" for ExternalName
        clusterIPs          one of each family, clusterIP first
        externalName        the target of an ExternalName
        dnsName             the Service's full name
        proxyName           the other proxy that serves it (label service.kubernetes.io/service-proxy-name)
        ports               its ports
            name, port, protocol, appProtocol
            targetPort      a number, or the name of a container's port
            nodePort        null if it has none
        listeners           every address and port at which it should answer on this machine
            clusterAddress  its address in the cluster
            address         where this machine has that, which differs in the exact plan
            port            servicePort, or 10000 more without the privilege to bind servicePort
            servicePort     the Service's port, or its node port
            portName, protocol
            kind            clusterIP, externalIP, loadBalancer or nodePort
            nodePort        whether the kind is nodePort
            target          the targetPort
            bound           whether it is open now; it is closed without a ready endpoint, so that clients are refused
            error           why it could not be opened
        endpoints           its endpoints, ready or not
            pod             the pod's name, "" for an endpoint outside the cluster
            address, node
            hostname            its name below the Service's, "" for none
            ports           name, port, protocol
            ready, serving, terminating    the conditions of its EndpointSlice
            weight          0 to 256, 1 if nothing gives it another
        notCarried          what does not work of it through another cluster's API, a sentence each
    ingresses               the Ingresses
        namespace, name, class
        hosts               those of its rules, "*" for all
        listeners           as a Service's, none if it is not served
    pods                    the pods
        namespace, name
        phase, status       status is kubectl's STATUS column, CrashLoopBackOff for instance
        ready, podIP, node
        readyContainers, totalContainers, restarts    as in kubectl's READY and RESTARTS columns
        podIPs              one of each family, podIP first
        pid                 of the first container that runs, null if none does
        containers          name, pid, ready and restarts of each container, and its image
            image
    warnings                the last Warning events, the newest last
        object              kind/name
        namespace, reason, message, count, lastTimestamp
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.container import ContainerStatus
from kubeapi.objects.ingress import read_ingress
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import map_at
from kubeapi.objects.pod import read_pod
from kubeapi.objects.service import read_service
from kubeapi.scheme import EVENTS, INGRESSES, NODES, PODS, SERVICES, Resource
from kubeapi.store import Store
from kubeproxy.plane import ListenerStatus
from kubeproxy.types import ingress_rules_key
from kubesvc.why.servicestatus import endpoints_of, listener_documents, service_document, slices_by_service

RECENT_WARNINGS = 20
"""Warning events in the document, newest last."""

UPSTREAM = ("context", "server", "namespace", "selector")
"""The fields of ``upstream``."""


def _all_is_carried(_service: ObjectKey) -> Sequence[str]:
    return ()


class DNSAddress(NamedTuple):
    """One address at which the cluster's DNS answers, by UDP and TCP; ``error`` when it could not be bound."""

    address: str
    port: int
    error: str


@dataclass(frozen=True)
class Readings:
    """The part of the document that is not in the Store."""

    name: str
    pid: int
    version: str
    zone: str
    listeners: Sequence[ListenerStatus]
    dns: Sequence[DNSAddress]
    pids: Mapping[ObjectKey, Mapping[str, int]]
    waiting_for: Sequence[str]
    problems: Sequence[str] = ()
    plan: str = "loopback"
    sandbox: Mapping[str, str] = field(
        default_factory=lambda: {"mode": "none", "why": "the default says none", "remedy": "", "internet": ""}
    )
    upstream: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(UPSTREAM, ""))
    not_carried: Callable[[ObjectKey], Sequence[str]] = _all_is_carried


def status_document(store: Store, readings: Readings) -> dict[str, Any]:
    """Return the whole document."""
    slices, listeners = slices_by_service(store), _by_service(readings.listeners)

    def service(obj: JSON) -> JSON:
        key = key_of(obj)
        endpoints = endpoints_of(store, slices.get(key, ()))
        found = service_document(read_service(obj), listeners.get(key, ()), endpoints, readings.zone)
        return {**found, "notCarried": list(readings.not_carried(key))}

    def each(resource: Resource, read: Callable[[JSON], JSON]) -> list[JSON]:
        objects = sorted(store.list(resource), key=key_of)
        return list(store.failures.read_each("kubesvc (status)", resource, objects, read))

    return {
        **_cluster(readings),
        "nodes": each(NODES, _node),
        "services": each(SERVICES, service),
        "ingresses": each(INGRESSES, lambda obj: _ingress(obj, listeners)),
        "pods": each(PODS, lambda obj: _pod(obj, readings.pids.get(key_of(obj), {}))),
        "warnings": _warnings(store.list(EVENTS)),
    }


def _cluster(readings: Readings) -> JSON:
    return {
        "name": readings.name,
        "pid": readings.pid,
        "version": readings.version,
        "ready": not readings.waiting_for,
        "waitingFor": list(readings.waiting_for),
        "problems": list(readings.problems),
        "plan": readings.plan,
        "sandbox": dict(readings.sandbox),
        "upstream": dict(readings.upstream),
        "dns": {"zone": readings.zone, "addresses": list(map(_dns_address, readings.dns))},
    }


def _by_service(listeners: Iterable[ListenerStatus]) -> dict[ObjectKey, list[ListenerStatus]]:
    found: dict[ObjectKey, list[ListenerStatus]] = {}
    for listener in listeners:
        found.setdefault(listener.port_name.service, []).append(listener)
    return found


def _dns_address(at: DNSAddress) -> JSON:
    return {"address": at.address, "port": at.port, "protocols": ["UDP", "TCP"], "error": at.error}


def _node(obj: JSON) -> JSON:
    node = read_node(obj)
    return {"name": node.name, "addresses": node.addresses("InternalIP")}


def _ingress(obj: JSON, listeners: Mapping[ObjectKey, Sequence[ListenerStatus]]) -> JSON:
    ingress = read_ingress(obj)
    served = [one for at in ingress.addresses for one in listeners.get(ingress_rules_key(at), ())]
    return {
        "namespace": ingress.key.namespace,
        "name": ingress.key.name,
        "class": ingress.class_name,
        "hosts": list(dict.fromkeys(each.host or "*" for each in ingress.rules)) or ["*"],
        "listeners": listener_documents(served, {}),
    }


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
    """Return the object of an event; a client may have omitted any field."""
    name = f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"
    return {"object": name, "namespace": involved.get("namespace", "")}
