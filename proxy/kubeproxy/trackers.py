"""From objects to what the proxy knows: the ports of each Service, the endpoints of each Service port.

A change is read once, when it arrives, and touches nothing but its own Service; ``take_changes`` names the Services
to compile again. Pure. Follows k8s.io/kubernetes ``pkg/proxy/servicechangetracker.go`` and ``endpointslicecache.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.core import HEADLESS, Service, read_service
from kubeapi.core import ServicePort as ApiServicePort
from kubeapi.discovery import HEADLESS_LABEL, PROXY_NAME_LABEL, EndpointSlice, read_endpoint_slice
from kubeapi.discovery import Endpoint as ApiEndpoint
from kubeapi.meta import JSON, ObjectKey, is_terminating, labels_of
from kubeapi.validation.names import parse_address
from kubeproxy.rules.nodes import Node, Nodes
from kubeproxy.types import Endpoint, ServicePort, ServicePortName, family_of

PROTOCOL_ANNOTATION = "kubesvc.dev/protocol"
ENDPOINT_HEADER_ANNOTATION = "kubesvc.dev/endpoint-header"
BALANCER_ANNOTATION = "kubesvc.dev/balancer"
ZONE_LABEL = "topology.kubernetes.io/zone"
EXCLUDED_BY_AUTOSCALER = "ToBeDeletedByClusterAutoscaler"

PortKey = tuple[str, str, str]
"""Name, protocol and family of a port within its Service: the rest of a ServicePortName."""

_Part = tuple[tuple[PortKey, tuple[Endpoint, ...]], ...]
"""What one slice says: the endpoints of each port, sorted by ``ip:port``, each address once."""


class ServiceChangeTracker:
    """The Service ports to proxy, by Service."""

    def __init__(self) -> None:
        self.ports: dict[ObjectKey, tuple[ServicePort, ...]] = {}
        self._changed: set[ObjectKey] = set()
        self._arrived = 0

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Service's new state, None when it is deleted."""
        ports = () if obj is None else self._read(key, obj)
        if ports == self.ports.get(key, ()):
            return
        self._changed.add(key)
        if ports:
            self.ports[key] = ports
        else:
            self.ports.pop(key, None)

    def take_changes(self) -> set[ObjectKey]:
        """Return the Services that have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def _read(self, key: ObjectKey, obj: JSON) -> tuple[ServicePort, ...]:
        service = read_service(obj)
        if _is_ignored(service):
            return ()
        age = (obj["metadata"].get("creationTimestamp") or "", self._arrival(key))
        families = dict.fromkeys(map(family_of, service.cluster_ips))
        return tuple(_service_port(service, port, age, family) for family in families for port in service.ports)

    def _arrival(self, key: ObjectKey) -> int:
        """Return the place of a Service in the order in which they came."""
        if key in self.ports:
            return self.ports[key][0].age[1]
        self._arrived += 1
        return self._arrived


def _is_ignored(service: Service) -> bool:
    """Tell whether the Service is none of ours: headless, a mere name, or left to another proxy by its labels."""
    has_address = service.cluster_ips[:1] not in ((), ("",), (HEADLESS,))
    is_excluded = PROXY_NAME_LABEL in service.labels or HEADLESS_LABEL in service.labels
    return service.is_external_name or is_excluded or not has_address


def _service_port(service: Service, port: ApiServicePort, age: tuple[str, int], family: str) -> ServicePort:
    def own(addresses: Iterable[str]) -> tuple[str, ...]:
        return tuple(each for each in addresses if family_of(each) == family)

    return ServicePort(
        name=ServicePortName(service.key.namespace, service.key.name, port.name, port.protocol, family),
        age=age,
        cluster_ips=own(service.cluster_ips),
        port=port.port,
        node_port=port.node_port,
        external_ips=own(service.external_ips),
        load_balancer_ips=own(service.load_balancer_ips),
        affinity_seconds=service.affinity_timeout_seconds if service.session_affinity == "ClientIP" else 0,
        balancer=service.annotations.get(BALANCER_ANNOTATION, ""),
        internal_traffic_policy=service.internal_traffic_policy,
        external_traffic_policy=service.external_traffic_policy,
        source_ranges=service.load_balancer_source_ranges,
        health_check_node_port=service.health_check_node_port,
        is_http=_is_http(service, port),
        shows_endpoint=service.annotations.get(ENDPOINT_HEADER_ANNOTATION) == "true",
    )


def _is_http(service: Service, port: ApiServicePort) -> bool:
    """Tell whether requests, not connections, are balanced; the annotation speaks for all TCP ports, and over them."""
    asked = service.annotations.get(PROTOCOL_ANNOTATION) or port.app_protocol
    return port.protocol == "TCP" and asked.lower() == "http"


class EndpointsChangeTracker:
    """The endpoints of every Service port, merged from all slices that name the Service, whoever made them."""

    def __init__(self) -> None:
        self._parts: dict[ObjectKey, tuple[tuple[ObjectKey, _Part], ...]] = {}
        self._service_of: dict[ObjectKey, ObjectKey] = {}
        self._changed: set[ObjectKey] = set()

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a slice's new state, None when it is deleted."""
        before = self._service_of.pop(key, None)
        if before is not None:
            self._remove(before, key)
        if obj is None:
            return
        new = read_endpoint_slice(obj)
        if new.service is None or HEADLESS_LABEL in new.labels or PROXY_NAME_LABEL in new.labels:
            return
        self._service_of[key] = new.service
        self._parts[new.service] = (*self._parts.get(new.service, ()), (key, _part(new)))
        self._changed.add(new.service)

    def take_changes(self) -> set[ObjectKey]:
        """Return the Services whose slices have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def endpoints(self, service: ObjectKey) -> dict[PortKey, tuple[Endpoint, ...]]:
        """Return the endpoints of each port of ``service``, sorted by ``ip:port``."""
        found: dict[PortKey, tuple[Endpoint, ...]] = {}
        for _, part in self._parts.get(service, ()):
            for port, endpoints in part:
                found[port] = _merged((*found[port], *endpoints)) if port in found else endpoints
        return found

    def _remove(self, service: ObjectKey, key: ObjectKey) -> None:
        left = tuple(each for each in self._parts[service] if each[0] != key)
        if left:
            self._parts[service] = left
        else:
            del self._parts[service]
        self._changed.add(service)


def _part(new: EndpointSlice) -> _Part:
    if new.address_type == "FQDN":
        return ()
    ports: dict[PortKey, tuple[Endpoint, ...]] = {}
    for port in new.ports:
        if port.port:
            key = (port.name, port.protocol, new.address_type)
            endpoints = [_endpoint(each, port.port) for each in new.endpoints if each.addresses]
            ports[key] = _merged((*ports.get(key, ()), *endpoints))
    return tuple(ports.items())


def _merged(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Return the endpoints sorted by ``ip:port``, each once.

    Of duplicates a living endpoint replaces any, a terminating one none (endpointslicecache.go).
    """
    found: dict[str, Endpoint] = {}
    for each in endpoints:
        if not each.is_terminating or each.address not in found:
            found[each.address] = each
    return tuple(found[address] for address in sorted(found))


def _endpoint(each: ApiEndpoint, port: int) -> Endpoint:
    return Endpoint(
        ip=each.addresses[0],
        port=port,
        is_ready=each.is_ready,
        is_serving=each.is_serving,
        is_terminating=each.is_terminating,
        node_name=each.node_name,
        target=each.target,
        zone=each.zone,
        zone_hints=each.zone_hints,
        node_hints=each.node_hints,
    )


class NodeTracker:
    """The nodes whose kube-proxy this is: the one of that name, or all ("")."""

    def __init__(self, node_name: str = "") -> None:
        self.nodes = Nodes()
        self._node_name = node_name
        self._nodes: dict[ObjectKey, Node] = {}
        self._leaving: set[ObjectKey] = set()
        self._has_seen_nodes = False

    @property
    def is_eligible(self) -> bool:
        """Whether load balancers may count on the proxy: some node of it is there and does not leave."""
        return not self._has_seen_nodes or self._nodes.keys() > self._leaving

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Node's new state, None when it is deleted."""
        if self._node_name not in ("", key.name):
            return
        self._has_seen_nodes = True
        nodes = dict(self._nodes)
        if obj is None:
            nodes.pop(key, None)
        else:
            nodes[key] = _node(key.name, obj)
        if nodes != self._nodes:
            # Before anything is kept: of a Node that cannot be read, the last state stands.
            self.nodes = Nodes(nodes.values())
            self._nodes = nodes
        (self._leaving.add if obj is not None and _is_leaving(obj) else self._leaving.discard)(key)


def _node(name: str, obj: JSON) -> Node:
    spec, addresses = obj.get("spec") or {}, (obj.get("status") or {}).get("addresses") or ()
    return Node(
        name=name,
        zone=labels_of(obj).get(ZONE_LABEL, ""),
        addresses=tuple(each["address"] for each in addresses if _is_own(each)),
        pod_cidrs=tuple(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else ())),
    )


def _is_own(address: JSON) -> bool:
    """Tell whether a Node's address is one of its own that can be listened on; a name is not, nor is what is none."""
    return address.get("type") == "InternalIP" and parse_address(address.get("address", "")) is not None


def _is_leaving(obj: JSON) -> bool:
    """Not eligible for load balancers: being deleted, or on the autoscaler's list (healthcheck)."""
    taints = (obj.get("spec") or {}).get("taints") or ()
    return is_terminating(obj) or any(each.get("key") == EXCLUDED_BY_AUTOSCALER for each in taints)
