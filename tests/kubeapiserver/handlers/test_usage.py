"""metrics.k8s.io: what pods and nodes use, as `kubectl top` asks for it."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import pod
from tests.helpers.kubeapiserver.client import DEFAULT, TABLE_ACCEPT, APIClient
from tests.helpers.objects import build_node

from kubeapi.meta import ObjectKey
from kubeapi.metrics.usage import ContainerUsage, PodUsage

METRICS = "/apis/metrics.k8s.io/v1beta1"
USED = {
    ObjectKey("default", "web"): PodUsage(
        0.0, 15.0, (ContainerUsage("main", 250_000_000, 4 << 20), ContainerUsage("side", 1_000, 1 << 20))
    ),
    ObjectKey("default", "db"): PodUsage(0.0, 14.5, (ContainerUsage("main", 0, 2 << 20),)),
    ObjectKey("default", "gone"): PodUsage(0.0, 15.0, ()),
}


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.api.usage.source = lambda: USED
    client.post("/api/v1/nodes", build_node("n1"))
    client.post("/api/v1/nodes", build_node("n2"))
    for name in ("web", "db"):
        client.post(f"{DEFAULT}/pods", pod(name, nodeName="n1"))
    return client


def test_a_pod_s_containers_have_their_usage(client: APIClient) -> None:
    found = client.get(f"{METRICS}/namespaces/default/pods/web").json
    assert (found["kind"], found["window"], found["timestamp"]) == ("PodMetrics", "15s", "1970-01-01T00:00:00Z")
    assert found["containers"] == [
        {"name": "main", "usage": {"cpu": "250000000n", "memory": "4096Ki"}},
        {"name": "side", "usage": {"cpu": "1000n", "memory": "1024Ki"}},
    ]


def test_pods_are_listed_that_run_and_match(client: APIClient) -> None:
    assert client.get(f"{METRICS}/pods").names == ["db", "web"]
    assert client.get(f"{METRICS}/namespaces/other/pods").names == []
    assert client.get(f"{METRICS}/pods?fieldSelector=metadata.name%3Ddb").names == ["db"]
    assert client.get(f"{METRICS}/pods?labelSelector=app%3Dnone").names == []


def test_a_node_uses_what_its_pods_use(client: APIClient) -> None:
    items = client.get(f"{METRICS}/nodes").json["items"]
    assert [each["usage"] for each in items] == [
        {"cpu": "250001000n", "memory": "7168Ki"},
        {"cpu": "0", "memory": "0Ki"},
    ]


def test_tables_sum_the_containers(client: APIClient) -> None:
    rows = client.get(f"{METRICS}/pods", TABLE_ACCEPT).rows
    assert rows == [["db", "0", "2048Ki", "14.5s"], ["web", "250001000n", "5120Ki", "15s"]]
    assert client.get(f"{METRICS}/nodes/n2", TABLE_ACCEPT).rows == [["n2", "0", "0Ki", "15s"]]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("namespaces/default/pods/no", 'podmetrics.metrics.k8s.io "no" not found'),
        ("nodes/no", 'nodemetrics.metrics.k8s.io "no" not found'),
    ],
)
def test_what_does_not_run_is_not_found(client: APIClient, path: str, message: str) -> None:
    assert client.get(f"{METRICS}/{path}").json["message"] == message


def test_nothing_is_written_or_watched(client: APIClient) -> None:
    assert client.post(f"{METRICS}/nodes", {}).status == 405
    assert client.get(f"{METRICS}/watch/nodes").status == 405
