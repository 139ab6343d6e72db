"""A small cluster on paper: a Registry that was filled as the components fill it, and what only the root knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.helpers.kubeapi.objects import deployment, new_registry, pod, service
from tests.helpers.objects import build_endpoint, build_node, build_slice

from kubeapi.meta import JSON
from kubeapi.registry import Registry, bootstrap
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, NODES, PODS, SERVICES
from kubeproxy.plane import ListenerStatus
from kubeproxy.types import ListenerKind, ServicePortName
from kubesvc.why.status import DNSAddress, Readings, status_document

POD_IP = "127.250.1.2"


def ground(service_cidr: str = "127.113.0.0/16") -> Registry:
    """Return a Registry with what every cluster has."""
    registry = new_registry(service_cidr=service_cidr)
    bootstrap(registry)
    return registry


def add_service(registry: Registry, name: str = "web", *, metadata: JSON | None = None, **spec: Any) -> JSON:
    return registry.create(SERVICES, service(name, metadata=metadata, **spec))


def add_pod(registry: Registry, name: str = "web", *, is_ready: bool = True, **status: Any) -> JSON:
    """Create a pod and report of it as the kubelet does; ``status`` adds to that or replaces it."""
    created = registry.create(PODS, pod(name, nodeName="node-1"))
    reported = {
        "phase": "Running",
        "podIP": POD_IP,
        "podIPs": [{"ip": POD_IP}],
        "conditions": [{"type": "Ready", "status": str(is_ready)}],
        "containerStatuses": [
            {
                "name": "app",
                "image": "nginx:1.27",
                "imageID": "",
                "ready": is_ready,
                "restartCount": 2,
                "state": {"running": {"startedAt": "2023-11-14T22:13:20Z"}},
            }
        ],
    }
    return registry.update_status(PODS, {**created, "status": {**reported, **status}})


def waiting(reason: str) -> list[JSON]:
    """Return the containerStatuses of a pod whose only container waits."""
    state = {"waiting": {"reason": reason}}
    return [{"name": "app", "image": "x", "imageID": "", "ready": False, "restartCount": 1, "state": state}]


def add_slice(
    registry: Registry,
    name: str = "web",
    *,
    is_ready: bool = True,
    pod: str = "web",
    address: str = POD_IP,
    ports: Sequence[JSON] = ({"name": "", "port": 80, "protocol": "TCP"},),
) -> JSON:
    """Create the EndpointSlice of a Service with one endpoint."""
    family = "IPv6" if ":" in address else "IPv4"
    target = {"targetRef": {"kind": "Pod", "name": pod, "namespace": "default"}} if pod else {}
    endpoint = build_endpoint(address, ready=is_ready, nodeName="node-1", **target)
    made = build_slice(f"{name}-{family.lower()}", name, [endpoint], ports=list(ports))
    return registry.create(ENDPOINTSLICES, made)


def add_node(registry: Registry, name: str = "node-1", address: str = "127.171.0.101") -> JSON:
    made = build_node(name, address)
    return registry.update_status(NODES, {**registry.create(NODES, made), "status": made["status"]})


def add_deployment(registry: Registry, name: str = "web", *, replicas: int = 2, status: JSON | None = None) -> JSON:
    created = registry.create(DEPLOYMENTS, deployment(name, replicas=replicas))
    return registry.update_status(DEPLOYMENTS, {**created, "status": status or {}})


def listener(
    address: str = "127.113.0.2",
    port: int = 80,
    kind: str = "clusterIP",
    *,
    service: str = "web",
    is_bound: bool = True,
    **fields: Any,
) -> ListenerStatus:
    """Return a listener of the port without a name, unless ``fields`` say otherwise."""
    given = {"port_name": "", "protocol": "TCP", "bound_port": port, "error": "", **fields}
    name = ServicePortName("default", service, given["port_name"], given["protocol"])
    status = ListenerStatus(
        address, given["bound_port"], port, name.protocol, ListenerKind(kind), name, is_bound, given["error"], address
    )
    return status._replace(host_address=given.get("host_address", address))


def document(registry: Registry, *listeners: ListenerStatus, **readings: Any) -> dict[str, Any]:
    """Return the status document."""
    given: dict[str, Any] = {
        "name": "shop",
        "pid": 42,
        "version": "1.0",
        "zone": "cluster.local",
        "listeners": listeners,
        "dns": [DNSAddress("127.113.0.10", 53, "")],
        "pids": {},
        "waiting_for": [],
    }
    return status_document(registry.store, Readings(**{**given, **readings}))
