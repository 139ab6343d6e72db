"""The Service ports to proxy, read from Services as they change. Pure.

Follows k8s.io/kubernetes ``pkg/proxy/servicechangetracker.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects import service as api
from kubeapi.objects.endpointslice import HEADLESS_LABEL, PROXY_NAME_LABEL
from kubeproxy.types import ServicePort, ServicePortName, family_of


class ServiceChangeTracker:
    """The Service ports to proxy, by Service.

    ``default_options`` are the balancing options of Services that ask for no algorithm and no options.
    """

    def __init__(self, default_options: str = "") -> None:
        self._default_options = default_options
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

    def renew(self, key: ObjectKey) -> None:
        """Have a Service taken for changed, as what was made of its last state failed."""
        self._changed.add(key)

    def take_changes(self) -> set[ObjectKey]:
        """Return the Services that have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def _read(self, key: ObjectKey, obj: JSON) -> tuple[ServicePort, ...]:
        service = api.read_service(obj)
        if _is_ignored(service):
            return ()
        age = (obj["metadata"].get("creationTimestamp") or "", self._arrival(key))
        families = dict.fromkeys(map(family_of, service.cluster_ips))
        options = "" if service.annotations.get(api.BALANCER_ANNOTATION) else self._default_options
        options = service.annotations.get(api.BALANCER_OPTIONS_ANNOTATION, options)
        ports = (_service_port(service, port, age, family) for family in families for port in service.ports)
        return tuple(each._replace(balancer_options=options) for each in ports) if options else tuple(ports)

    def _arrival(self, key: ObjectKey) -> int:
        """Return the position of a Service in the order in which they came; one that is known keeps its position."""
        if key in self.ports:
            return self.ports[key][0].age[1]
        self._arrived += 1
        return self._arrived


def _is_ignored(service: api.Service) -> bool:
    """Tell whether the proxy has nothing to serve: headless, an ExternalName, or labelled for another proxy."""
    has_address = any(service.cluster_ips) and not service.is_headless
    is_excluded = PROXY_NAME_LABEL in service.labels or HEADLESS_LABEL in service.labels
    return service.is_external_name or is_excluded or not has_address


def _service_port(service: api.Service, port: api.ServicePort, age: tuple[str, int], family: str) -> ServicePort:
    def of_family(addresses: Iterable[str]) -> tuple[str, ...]:
        return tuple(each for each in addresses if family_of(each) == family)

    is_http = service.is_http(port)
    return ServicePort(
        name=ServicePortName(service.key.namespace, service.key.name, port.name, port.protocol, family),
        age=age,
        cluster_ips=of_family(service.cluster_ips),
        port=port.port,
        node_port=port.node_port,
        external_ips=of_family(service.external_ips),
        load_balancer_ips=of_family(service.load_balancer_ips),
        affinity_seconds=service.affinity_timeout_seconds if service.session_affinity == "ClientIP" else 0,
        balancer=service.annotations.get(api.BALANCER_ANNOTATION, ""),
        internal_traffic_policy=service.internal_traffic_policy,
        external_traffic_policy=service.external_traffic_policy,
        source_ranges=service.load_balancer_source_ranges,
        health_check_node_port=service.health_check_node_port,
        is_http=is_http,
        affinity_cookie=service.annotations.get(api.AFFINITY_COOKIE_ANNOTATION, "") if is_http else "",
        cookie_max_age=service.annotations.get(api.COOKIE_MAX_AGE_ANNOTATION, "") if is_http else "",
        shows_endpoint=service.annotations.get(api.ENDPOINT_HEADER_ANNOTATION) == "true",
    )
