"""Endpoints made from pods."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build_pod, build_service

from kubeapi.meta import JSON
from kubecontroller.change import Create, Update
from kubecontroller.service import endpoints


def service(**spec: Any) -> JSON:
    ports = [{"port": 80, "protocol": "TCP", "targetPort": "http"}]
    metadata = {"uid": "svc", "creationTimestamp": "2026-01-01T00:00:00Z"}
    full = {"clusterIP": "127.96.0.20", "selector": {"app": "web"}, "ports": ports, **spec}
    return build_service("web", "default", metadata=metadata, **full)


def pod(number: int, *, ready: bool = True, port: int = 8080, leaving: bool = False, phase: str = "Running") -> JSON:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    metadata = {"uid": f"uid-{number}"} | ({"deletionTimestamp": "2026-01-03T00:00:00Z"} if leaving else {})
    container = {"name": "main", "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}]}
    address = f"127.244.{number // 250}.{number % 250 + 1}"
    status = {"phase": phase, "podIP": address, "conditions": conditions}
    made = build_pod(f"web-{number}", container, namespace="default", metadata=metadata, nodeName="node-1")
    return {**made, "status": status}


def subsets_of(obj: JSON, pods: list[JSON]) -> list[tuple[list[str], list[str], list[int]]]:
    [change] = endpoints.reconcile(obj, pods, None)
    assert isinstance(change, Create)
    return [
        (
            [one["ip"] for one in each.get("addresses", ())],
            [one["ip"] for one in each.get("notReadyAddresses", ())],
            [one["port"] for one in each.get("ports", ())],
        )
        for each in change.obj.get("subsets", ())
    ]


FIRST, SECOND = "127.244.0.2", "127.244.0.3"


@pytest.mark.parametrize(
    ("spec", "pods", "expected"),
    [
        pytest.param({}, [], [], id="no pods"),
        pytest.param({}, [pod(2), pod(1)], [([FIRST, SECOND], [], [8080])], id="sorted by address"),
        pytest.param({}, [pod(1), pod(2, ready=False)], [([FIRST], [SECOND], [8080])], id="pod not ready"),
        pytest.param({}, [pod(1, leaving=True)], [], id="terminating"),
        pytest.param({}, [pod(1, phase="Failed")], [], id="failed"),
        pytest.param(
            {"publishNotReadyAddresses": True},
            [pod(1, leaving=True), pod(2, ready=False)],
            [([FIRST, SECOND], [], [8080])],
            id="all published",
        ),
        pytest.param(
            {},
            [pod(1), pod(2, port=9090)],
            [([FIRST], [], [8080]), ([SECOND], [], [9090])],
            id="named targetPort with two numbers",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 81, "targetPort": 2}]},
            [pod(1), pod(2)],
            [([FIRST, SECOND], [], [1, 2])],
            id="ports with the same addresses share a subset",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 81, "targetPort": "http"}]},
            [pod(1), pod(2, port=9090)],
            [([FIRST, SECOND], [], [1]), ([FIRST], [], [8080]), ([SECOND], [], [9090])],
            id="each port with the addresses that have it",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 81, "targetPort": "admin"}]},
            [pod(1), pod(2)],
            [([FIRST, SECOND], [], [1])],
            id="a port that no pod has",
        ),
        pytest.param({}, [pod(8), pod(9)], [(["127.244.0.10", "127.244.0.9"], [], [8080])], id="sorted as texts"),
        pytest.param({"clusterIP": "None", "ports": []}, [pod(1)], [([FIRST], [], [])], id="headless without ports"),
    ],
)
def test_pods_become_subsets(
    spec: JSON, pods: list[JSON], expected: list[tuple[list[str], list[str], list[int]]]
) -> None:
    assert subsets_of(service(**spec), pods) == expected


def test_a_port_has_a_name_only_where_the_service_has_one() -> None:
    ports = [{"port": 80, "protocol": "TCP", "targetPort": 8080}]
    [change] = endpoints.reconcile(service(ports=ports), [pod(1)], None)
    assert isinstance(change, Create)
    assert change.obj["subsets"][0]["ports"] == [{"protocol": "TCP", "port": 8080}]
    [change] = endpoints.reconcile(service(ports=[{**ports[0], "name": "http"}]), [pod(1)], None)
    assert isinstance(change, Create)
    assert change.obj["subsets"][0]["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]


def test_of_more_than_a_thousand_addresses_the_ready_ones_are_kept_first() -> None:
    pods = [pod(number, ready=number % 2 == 0) for number in range(1200)]
    [change] = endpoints.reconcile(service(), pods, None)
    assert isinstance(change, Create)
    [subset] = change.obj["subsets"]
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (600, 400)
    assert change.obj["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] == "truncated"


def test_nothing_is_written_when_nothing_has_changed() -> None:
    [created] = endpoints.reconcile(service(), [pod(1)], None)
    assert isinstance(created, Create)
    assert endpoints.reconcile(service(), [pod(1)], created.obj) == []
    [changed] = endpoints.reconcile(service(), [pod(2)], created.obj)
    assert isinstance(changed, Update)
