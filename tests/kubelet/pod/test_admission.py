"""Which pods a node does not run, though they were assigned to it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build_node, build_pod

from kubeapi.meta import JSON
from kubelet.pod.admission import Rejection, node_rejection, port_rejection


def pod(**port: Any) -> JSON:
    return build_pod("web", {"name": "c", "ports": [{"containerPort": 80, "protocol": "TCP", **port}]})


@pytest.mark.parametrize(
    ("one", "other", "is_taken"),
    [
        pytest.param({"hostPort": 80}, {"hostPort": 80}, True, id="the same"),
        pytest.param({"hostPort": 80}, {"hostPort": 81}, False, id="another port"),
        pytest.param({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, False, id="another protocol"),
        pytest.param({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80}, True, id="one address of all"),
        pytest.param(
            {"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80, "hostIP": "10.0.0.2"}, False, id="two addresses"
        ),
        pytest.param({}, {}, False, id="none"),
    ],
)
def test_a_port_of_the_node_is_one_pods(one: JSON, other: JSON, is_taken: bool) -> None:
    text = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    expected = Rejection("NodePorts", text) if is_taken else None
    assert port_rejection(pod(**one), [pod(**other)]) == expected


TAINTS = [{"key": "team", "effect": "NoExecute"}]


@pytest.mark.parametrize(
    ("requests", "spec", "taints", "expected"),
    [
        pytest.param({"cpu": "1"}, {}, [], None, id="fits"),
        pytest.param(
            {"cpu": "1500m"},
            {},
            [],
            Rejection("OutOfcpu", "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"),
            id="more than is left",
        ),
        pytest.param({"example.com/unknown": "1"}, {}, [], None, id="a resource that the node does not know"),
        pytest.param(
            {"example.com/gpu": "2"},
            {},
            [],
            Rejection(
                "OutOfexample.com/gpu",
                "Node didn't have enough resource: example.com/gpu, requested: 2, used: 0, capacity: 1",
            ),
            id="a resource that it knows",
        ),
        pytest.param(
            {},
            {"nodeSelector": {"disk": "ssd"}},
            [],
            Rejection(
                "NodeAffinity",
                "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
            ),
            id="another node's labels",
        ),
        pytest.param(
            {},
            {},
            TAINTS,
            Rejection(
                "TaintToleration",
                "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
            ),
            id="a taint",
        ),
        pytest.param({}, {"tolerations": [{"operator": "Exists"}]}, TAINTS, None, id="a taint that it tolerates"),
        pytest.param({}, {}, [{"key": "team", "effect": "NoSchedule"}], None, id="a taint for the scheduler alone"),
    ],
)
def test_a_node_rejects_what_it_cannot_run(requests: Any, spec: Any, taints: Any, expected: Rejection | None) -> None:
    node = build_node("node-1", taints=taints)
    node["status"]["allocatable"] = {"cpu": "2", "example.com/gpu": "1"}
    asking = build_pod("web", {"name": "c", "resources": {"requests": requests}}, **spec)
    assert node_rejection(asking, node, lambda: [{"cpu": 1000}]) == expected
