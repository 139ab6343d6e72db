"""custom.metrics.k8s.io: what the data plane gives to pods, Services and Ingresses."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import pod, service
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient

from kubeapi.metrics.traffic import EndpointTraffic, PortTraffic, Traffic

V1, V2 = "/apis/custom.metrics.k8s.io/v1beta1", "/apis/custom.metrics.k8s.io/v1beta2"
RATE = "http_requests_per_second"
PORTS = {
    "web": (PortTraffic("", True, (EndpointTraffic("a", 12.5, 3), EndpointTraffic("b", 2.0, 0))),),
}


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.api.custom_metrics.source = lambda: Traffic(0.0, 14.7, lambda key: PORTS.get(key.name, ()))
    client.post(f"{DEFAULT}/services", service("web"))
    for name in ("a", "b"):
        client.post(f"{DEFAULT}/pods", pod(name, metadata={"labels": {"app": name}}))
    return client


def test_all_pods_have_their_rate_in_the_second_version(client: APIClient) -> None:
    found = client.get(f"{V2}/namespaces/default/pods/*/{RATE}").json
    assert (found["kind"], found["apiVersion"], found["metadata"]) == (
        "MetricValueList",
        "custom.metrics.k8s.io/v1beta2",
        {},
    )
    assert found["items"][0] == {
        "describedObject": {"kind": "Pod", "namespace": "default", "name": "a", "apiVersion": "v1"},
        "metric": {"name": RATE, "selector": None},
        "timestamp": "1970-01-01T00:00:00Z",
        "windowSeconds": 15,
        "value": "12500m",
    }
    assert [each["value"] for each in found["items"]] == ["12500m", "2"]


def test_one_service_has_its_metric_in_the_first_version(client: APIClient) -> None:
    assert client.get(f"{V1}/namespaces/default/services/web/http_requests_in_flight").json["items"] == [
        {
            "describedObject": {"kind": "Service", "namespace": "default", "name": "web", "apiVersion": "v1"},
            "metricName": "http_requests_in_flight",
            "timestamp": "1970-01-01T00:00:00Z",
            "window": 0,
            "value": "3",
            "selector": None,
        }
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("labelSelector=app%3Db", ["b"]),
        ("labelSelector=app%3Dnone", []),
        ("metricLabelSelector=service%3Dweb", ["a", "b"]),
        ("metricLabelSelector=service%3Dother", []),
    ],
)
def test_selectors_choose_objects_and_series(client: APIClient, query: str, names: list[str]) -> None:
    items = client.get(f"{V2}/namespaces/default/pods/*/{RATE}?{query}").json["items"]
    assert [each["describedObject"]["name"] for each in items] == names


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"pods/none/{RATE}", f"the server could not find the metric {RATE} for pods none"),
        ("pods/*/queue", "the server could not find the metric queue for pods"),
        (f"deployments.apps/web/{RATE}", f"the server could not find the metric {RATE} for deployments.apps web"),
        (f"metrics/{RATE}", f"the server could not find the metric {RATE} for namespaces"),
        (f"ingress/site/{RATE}", f"the server could not find the metric {RATE} for ingresses.networking.k8s.io site"),
        ("pods/a", "the server could not find the requested resource"),
        (f"things/a/{RATE}", "the server could not find the requested resource"),
    ],
)
def test_what_is_not_measured_is_not_found(client: APIClient, path: str, message: str) -> None:
    answer = client.get(f"{V2}/namespaces/default/{path}")
    assert (answer.status, answer.json["message"]) == (404, message)


def test_a_client_is_asked_to_come_again_while_nothing_is_measured(client: APIClient) -> None:
    client.api.custom_metrics.source = lambda: None
    answer = client.get(f"{V2}/namespaces/default/pods/*/{RATE}")
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "1")


def test_nothing_is_written(client: APIClient) -> None:
    assert client.post(f"{V2}/namespaces/default/pods/a/{RATE}", {}).status == 405


def test_discovery_tells_of_the_metrics_as_of_parts_of_objects(client: APIClient) -> None:
    listed = client.get(V2).json["resources"]
    assert listed[0] == {
        "name": "pods/active_connections",
        "singularName": "",
        "namespaced": True,
        "kind": "MetricValueList",
        "verbs": ["get"],
    }
    assert [each["name"] for each in listed if each["name"].startswith("ingresses")] == [
        "ingresses.networking.k8s.io/http_requests_in_flight",
        f"ingresses.networking.k8s.io/{RATE}",
    ]
    aggregated = client.get("/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList").json
    (group,) = [each for each in aggregated["items"] if each["metadata"]["name"] == "custom.metrics.k8s.io"]
    assert [each["version"] for each in group["versions"]] == ["v1beta2", "v1beta1"]
    first = group["versions"][0]["resources"][0]
    assert {field: first[field] for field in ("resource", "verbs", "singularResource", "responseKind")} == {
        "resource": "pods",
        "verbs": None,
        "singularResource": "",
        "responseKind": {"group": "", "version": "", "kind": ""},
    }
