"""The metrics of pods, Services and Ingresses that the data plane knows: what custom.metrics.k8s.io serves. Pure.

Names are as prometheus-adapter's usual rules make them. A metric of a Service is the sum over its endpoints, that of an
Ingress the sum over the Service ports that are its backends, from wherever these are asked. Messages are those of
sigs.k8s.io/custom-metrics-apiserver ``pkg/provider/errors.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.metrics.traffic import EndpointTraffic, PortTraffic, Traffic
from kubeapi.objects.ingress import IngressBackend, read_ingress
from kubeapi.objects.service import read_service
from kubeapi.scheme import INGRESSES, PODS, SERVICES, Resource
from kubeapi.status import StatusError
from kubeapi.store import Store

GROUP = "custom.metrics.k8s.io"
DESCRIBED = (PODS, SERVICES, INGRESSES)
"""The resources of whose objects there are metrics."""

Labels = Callable[[dict[str, str]], bool]
"""Tells whether a metric's labels are selected: ``service`` and ``port`` of the Service port that was counted."""
Counted = Callable[[ObjectKey], list[PortTraffic]]
"""Returns the ports of a Service that a metric is about."""
ValueOf = Callable[[EndpointTraffic], int]
"""Returns the value of a metric for an endpoint, in thousandths."""


class _Backend(NamedTuple):
    """A Service, and the name of its port."""

    service: str
    port: str


class Metric(NamedTuple):
    """A metric: of HTTP ports or of the others, and what it is of an endpoint. ``is_rate``: taken over a window."""

    is_http: bool
    is_rate: bool

    def of(self, endpoint: EndpointTraffic) -> int:
        """Return the value, in thousandths."""
        return round(endpoint.rate * 1000) if self.is_rate else endpoint.now * 1000


METRICS: Mapping[str, Metric] = {
    "active_connections": Metric(is_http=False, is_rate=False),
    "connections_per_second": Metric(is_http=False, is_rate=True),
    "http_requests_in_flight": Metric(is_http=True, is_rate=False),
    "http_requests_per_second": Metric(is_http=True, is_rate=True),
}


def is_metric(name: str, resource: Resource) -> bool:
    """Tell whether objects of a resource may have a metric."""
    return name in METRICS and any(each == resource for each in DESCRIBED)


class MetricNotFound(StatusError):
    """404: a metric is not known for some objects, or not for one of them."""

    def __init__(self, metric: str, resource: Resource, name: str = "") -> None:
        about = f"{resource} {name}" if name else f"{resource}"
        super().__init__(404, "NotFound", f"the server could not find the metric {metric} for {about}")


class TrafficUnknown(StatusError):
    """503: the data plane only begins to measure."""

    def __init__(self) -> None:
        message = "the data plane is not measured unless somebody asks, and tells of its traffic one second later"
        super().__init__(503, "ServiceUnavailable", message, retry_after=1)


class CustomMetrics:
    """The metrics of the objects of a Store, as they are in ``traffic``; values are in thousandths."""

    def __init__(self, store: Store, traffic: Traffic) -> None:
        self._store = store
        self.traffic = traffic
        self._by_resource = {PODS: self._of_pods, SERVICES: self._of_services, INGRESSES: self._of_ingresses}

    def of_objects(self, metric: str, resource: Resource, namespace: str, labels: Labels) -> dict[str, int]:
        """Return the metric of all objects of a namespace that have it, by name; MetricNotFound if none can."""
        asked, of_all = METRICS.get(metric), self._by_resource.get(resource)
        if asked is None or of_all is None:
            raise MetricNotFound(metric, resource)
        return of_all(namespace, lambda service: self._counted(service, asked, labels), asked.of)

    def of_object(self, metric: str, resource: Resource, key: ObjectKey, labels: Labels) -> int:
        """Return the metric of one object; MetricNotFound if it has none."""
        found = self.of_objects(metric, resource, key.namespace, labels)
        if key.name not in found:
            raise MetricNotFound(metric, resource, key.name)
        return found[key.name]

    def _of_pods(self, namespace: str, counted: Counted, value_of: ValueOf) -> dict[str, int]:
        found: dict[str, int] = {}
        for service in self._store.list(SERVICES, namespace):
            for port in counted(key_of(service)):
                for each in port.endpoints:
                    if each.pod:
                        found[each.pod] = found.get(each.pod, 0) + value_of(each)
        return found

    def _of_services(self, namespace: str, counted: Counted, value_of: ValueOf) -> dict[str, int]:
        ports = {each.name: counted(each) for each in map(key_of, self._store.list(SERVICES, namespace))}
        return _sums(ports, value_of)

    def _of_ingresses(self, namespace: str, counted: Counted, value_of: ValueOf) -> dict[str, int]:
        ports: dict[str, list[PortTraffic]] = {}
        for obj in self._store.list(INGRESSES, namespace):
            backends = dict.fromkeys(self._named(namespace, each) for each in backends_of(obj) if not each.resource)
            ports[key_of(obj).name] = [
                port
                for named in filter(None, backends)
                for port in counted(ObjectKey(namespace, named.service))
                if port.port == named.port
            ]
        return _sums(ports, value_of)

    def _named(self, namespace: str, backend: IngressBackend) -> _Backend | None:
        """Return Service and name of the port that is a backend, None if there is no such port."""
        obj = self._store.find(SERVICES, ObjectKey(namespace, backend.service))
        ports = read_service(obj).ports if obj is not None else ()
        found = [each.name for each in ports if backend.port in (each.port, each.name)]
        return _Backend(backend.service, found[0]) if found else None

    def _counted(self, service: ObjectKey, asked: Metric, labels: Labels) -> list[PortTraffic]:
        return [
            port
            for port in self.traffic.ports_of(service)
            if port.is_http == asked.is_http and labels({"service": service.name, "port": port.port})
        ]


def _sums(ports: Mapping[str, list[PortTraffic]], value_of: ValueOf) -> dict[str, int]:
    """Return the sums of those that have ports."""
    return {
        name: sum(value_of(each) for port in some for each in port.endpoints) for name, some in ports.items() if some
    }


def backends_of(obj: JSON) -> Iterable[IngressBackend]:
    """Return the backends of an Ingress: those of its paths, and the default one."""
    ingress = read_ingress(obj)
    paths = [path.backend for rule in ingress.rules for path in rule.paths]
    return [*paths, *([ingress.default_backend] if ingress.default_backend is not None else [])]
