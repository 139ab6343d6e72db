"""From objects to what the proxy knows: the ports of each Service, the endpoints of each Service port.

A change is read once, when it arrives, and touches nothing but its own Service; ``take_changes`` names the Services
to compile again. Pure. Follows k8s.io/kubernetes ``pkg/proxy/servicechangetracker.go`` and ``endpointslicecache.go``.
"""

from __future__ import annotations

from kubeapi.core import HEADLESS, Service, read_service
from kubeapi.core import ServicePort as ApiServicePort
from kubeapi.discovery import HEADLESS_LABEL, PROXY_NAME_LABEL, EndpointSlice, read_endpoint_slice
from kubeapi.discovery import Endpoint as ApiEndpoint
from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeproxy.types import Endpoint, ServicePort, ServicePortName

BALANCER_ANNOTATION = "kubesvc.dev/balancer"
EXCLUDED_BY_AUTOSCALER = "ToBeDeletedByClusterAutoscaler"

PortKey = tuple[str, str]
"""Name and protocol of a port within its Service."""


class ServiceChangeTracker:
    """The Service ports to proxy, by Service."""

    def __init__(self) -> None:
        self.ports: dict[ObjectKey, tuple[ServicePort, ...]] = {}
        self._changed: set[ObjectKey] = set()
        self._arrivals: dict[ObjectKey, int] = {}
        self._arrived = 0

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Take note of a Service's new state, None when it is deleted."""
        ports = () if obj is None else self._read(key, obj)
        if ports == self.ports.get(key, ()):
            return
        self._changed.add(key)
        if ports:
            self.ports[key] = ports
        else:
            self.ports.pop(key, None)
            self._arrivals.pop(key, None)

    def take_changes(self) -> set[ObjectKey]:
        """Return the Services that have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def _read(self, key: ObjectKey, obj: JSON) -> tuple[ServicePort, ...]:
        service = read_service(obj)
        if _is_ignored(service):
            return ()
        if key not in self._arrivals:
            self._arrived += 1
            self._arrivals[key] = self._arrived
        age = (obj["metadata"].get("creationTimestamp") or "", self._arrivals[key])
        return tuple(_service_port(service, port, age) for port in service.ports)


def _is_ignored(service: Service) -> bool:
    """Tell whether the Service is none of ours: headless, a mere name, or left to another proxy by its labels."""
    has_address = service.cluster_ips[:1] not in ((), ("",), (HEADLESS,))
    is_excluded = PROXY_NAME_LABEL in service.labels or HEADLESS_LABEL in service.labels
    return service.is_external_name or is_excluded or not has_address


def _service_port(service: Service, port: ApiServicePort, age: tuple[str, int]) -> ServicePort:
    return ServicePort(
        name=ServicePortName(service.key.namespace, service.key.name, port.name, port.protocol),
        age=age,
        cluster_ips=service.cluster_ips,
        port=port.port,
        node_port=port.node_port,
        external_ips=service.external_ips,
        load_balancer_ips=service.load_balancer_ips,
        affinity_seconds=service.affinity_timeout_seconds if service.session_affinity == "ClientIP" else 0,
        balancer=service.annotations.get(BALANCER_ANNOTATION, ""),
        internal_traffic_policy=service.internal_traffic_policy,
        external_traffic_policy=service.external_traffic_policy,
    )


class EndpointsChangeTracker:
    """The endpoints of every Service port, merged from all slices that name the Service, whoever made them."""

    def __init__(self, node_name: str = "") -> None:
        self._node_name = node_name
        self._slices: dict[ObjectKey, dict[ObjectKey, EndpointSlice]] = {}
        self._service_of: dict[ObjectKey, ObjectKey] = {}
        self._changed: set[ObjectKey] = set()

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Take note of a slice's new state, None when it is deleted."""
        before = self._service_of.pop(key, None)
        if before is not None:
            self._remove(before, key)
        if obj is None:
            return
        new = read_endpoint_slice(obj)
        if new.service is None or HEADLESS_LABEL in new.labels or PROXY_NAME_LABEL in new.labels:
            return
        self._service_of[key] = new.service
        self._slices.setdefault(new.service, {})[key] = new
        self._changed.add(new.service)

    def take_changes(self) -> set[ObjectKey]:
        """Return the Services whose slices have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def endpoints(self, service: ObjectKey) -> dict[PortKey, tuple[Endpoint, ...]]:
        """Return the endpoints of each port of ``service``, sorted by ``ip:port``."""
        ports: dict[PortKey, dict[str, Endpoint]] = {}
        for each in self._slices.get(service, {}).values():
            if each.address_type != "FQDN":
                self._merge(each, ports)
        return {port: tuple(found[address] for address in sorted(found)) for port, found in ports.items()}

    def _merge(self, part: EndpointSlice, ports: dict[PortKey, dict[str, Endpoint]]) -> None:
        for port in part.ports:
            if not port.port:
                continue
            found = ports.setdefault((port.name, port.protocol), {})
            for each in part.endpoints:
                if each.addresses:
                    endpoint = self._endpoint(each, port.port)
                    # Of duplicates a living endpoint replaces any, a terminating one none (endpointslicecache.go).
                    if not endpoint.is_terminating or endpoint.address not in found:
                        found[endpoint.address] = endpoint

    def _endpoint(self, each: ApiEndpoint, port: int) -> Endpoint:
        return Endpoint(
            ip=each.addresses[0],
            port=port,
            is_ready=each.is_ready,
            is_serving=each.is_serving,
            is_terminating=each.is_terminating,
            # A proxy that stands for all nodes has every endpoint on its own.
            is_local=not self._node_name or each.node_name == self._node_name,
            target=each.target,
            zone_hints=each.zone_hints,
            node_hints=each.node_hints,
        )

    def _remove(self, service: ObjectKey, key: ObjectKey) -> None:
        slices = self._slices[service]
        del slices[key]
        if not slices:
            del self._slices[service]
        self._changed.add(service)


class NodeTracker:
    """The addresses at which node ports answer, and what this node says of itself."""

    def __init__(self, node_name: str = "") -> None:
        self.is_eligible = True
        self.zone = ""
        self._node_name = node_name
        self._addresses: dict[ObjectKey, tuple[str, ...]] = {}
        self._has_changed = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """InternalIP addresses of all nodes, then 127.0.0.1, each once."""
        found = [address for addresses in self._addresses.values() for address in addresses]
        return tuple(dict.fromkeys([*found, "127.0.0.1"]))

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Take note of a Node's new state, None when it is deleted."""
        before = (self._addresses.pop(key, ()), self.zone)
        if obj is not None:
            addresses = (obj.get("status") or {}).get("addresses") or ()
            self._addresses[key] = tuple(each["address"] for each in addresses if each["type"] == "InternalIP")
        if key.name == self._node_name:
            self._read_own(obj)
        self._has_changed |= before != (self._addresses.get(key, ()), self.zone)

    def take_change(self) -> bool:
        """Tell whether the addresses or the zone have changed since the last call."""
        changed, self._has_changed = self._has_changed, False
        return changed

    def _read_own(self, obj: JSON | None) -> None:
        """Eligible for load balancers: there, not being deleted, not on the autoscaler's list (healthcheck)."""
        labels = (obj or {"metadata": {}})["metadata"].get("labels") or {}
        self.zone = labels.get("topology.kubernetes.io/zone", "")
        taints = ((obj or {}).get("spec") or {}).get("taints") or ()
        is_leaving = obj is None or is_terminating(obj)
        self.is_eligible = not is_leaving and all(each.get("key") != EXCLUDED_BY_AUTOSCALER for each in taints)
