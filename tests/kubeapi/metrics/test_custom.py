"""The metrics of pods, Services and Ingresses, from what the data plane gives to endpoints."""

from __future__ import annotations

import pytest
from tests.helpers.objects import build

from kubeapi.meta import JSON, ObjectKey
from kubeapi.metrics.custom import CustomMetrics, MetricNotFound
from kubeapi.metrics.traffic import EndpointTraffic, PortTraffic, Traffic
from kubeapi.scheme import DEPLOYMENTS, INGRESSES, PODS, SERVICES, Resource
from kubeapi.store import Store

PORTS = {
    "web": (
        PortTraffic("http", True, (EndpointTraffic("a", 10.0, 2), EndpointTraffic("b", 2.5, 1))),
        PortTraffic("admin", True, (EndpointTraffic("a", 1.0, 0),)),
    ),
    "db": (PortTraffic("", False, (EndpointTraffic("c", 4.0, 7), EndpointTraffic("", 1.0, 1))),),
    "idle": (PortTraffic("", True, ()),),
}


def _service(name: str, *ports: JSON) -> JSON:
    return build("Service", name, "default", spec={"ports": list(ports)})


def _ingress(name: str, *backends: tuple[str, JSON]) -> JSON:
    paths = [{"path": "/", "backend": {"service": {"name": each, "port": port}}} for each, port in backends]
    return build("Ingress", name, "default", spec={"rules": [{"http": {"paths": paths}}]})


@pytest.fixture
def metrics() -> CustomMetrics:
    store = Store()
    for each in (
        _service("web", {"name": "http", "port": 80}, {"name": "admin", "port": 81}),
        _service("db", {"port": 5432}),
        _service("idle", {"port": 80}),
        _ingress("site", ("web", {"number": 80}), ("web", {"name": "http"}), ("idle", {"number": 80})),
        _ingress("lost", ("none", {"number": 80})),
    ):
        store.create({"Service": SERVICES, "Ingress": INGRESSES}[each["kind"]], each)
    return CustomMetrics(store, Traffic(0.0, 15.0, lambda key: PORTS.get(key.name, ())))


def everything(_labels: dict[str, str]) -> bool:
    return True


@pytest.mark.parametrize(
    ("metric", "resource", "expected"),
    [
        ("http_requests_per_second", PODS, {"a": 11000, "b": 2500}),
        ("http_requests_in_flight", PODS, {"a": 2000, "b": 1000}),
        ("connections_per_second", PODS, {"c": 4000}),
        ("active_connections", PODS, {"c": 7000}),
        ("http_requests_per_second", SERVICES, {"web": 13500, "idle": 0}),
        ("active_connections", SERVICES, {"db": 8000}),
        ("http_requests_per_second", INGRESSES, {"site": 12500}),
        ("connections_per_second", INGRESSES, {}),
    ],
)
def test_objects_have_the_sum_of_what_their_endpoints_get(
    metrics: CustomMetrics, metric: str, resource: Resource, expected: dict[str, int]
) -> None:
    assert metrics.of_objects(metric, resource, "default", everything) == expected


def test_labels_choose_the_service_port(metrics: CustomMetrics) -> None:
    def admin(labels: dict[str, str]) -> bool:
        return labels == {"service": "web", "port": "admin"}

    assert metrics.of_objects("http_requests_per_second", PODS, "default", admin) == {"a": 1000}


@pytest.mark.parametrize(
    ("metric", "resource", "name", "message"),
    [
        ("queue_length", PODS, "a", "the server could not find the metric queue_length for pods"),
        (
            "connections_per_second", SERVICES, "web",
            "the server could not find the metric connections_per_second for services web",
        ),
        (
            "http_requests_per_second", INGRESSES, "lost",
            "the server could not find the metric http_requests_per_second for ingresses.networking.k8s.io lost",
        ),
        (
            "http_requests_per_second", DEPLOYMENTS, "web",
            "the server could not find the metric http_requests_per_second for deployments.apps",
        ),
    ],
)  # fmt: skip
def test_what_has_no_metric_is_not_found(
    metrics: CustomMetrics, metric: str, resource: Resource, name: str, message: str
) -> None:
    with pytest.raises(MetricNotFound) as refused:
        metrics.of_object(metric, resource, ObjectKey("default", name), everything)
    assert (refused.value.code, str(refused.value)) == (404, message)
