"""The taints that a Node gets by its conditions and by a cordon."""

from __future__ import annotations

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, node

from kubeapi.meta import JSON
from kubeapi.scheme import NODES
from kubecontroller.change import Update
from kubecontroller.node.lifecycle import reconcile

OWN = {"key": "team", "value": "blue", "effect": "NoExecute"}
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


def conditions(**statuses: str) -> JSON:
    return {"conditions": [{"type": name, "status": status} for name, status in statuses.items()]}


def taint(key: str, effect: str = "NoSchedule") -> JSON:
    return {"key": key, "effect": effect}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(node("n"), None, id="well"),
        pytest.param(node("n", taints=[OWN]), None, id="a taint of somebody else"),
        pytest.param(
            node("n", unschedulable=True), [("node.kubernetes.io/unschedulable", "NoSchedule")], id="cordoned"
        ),
        pytest.param(
            node("n", taints=[OWN, taint("node.kubernetes.io/unschedulable")]), [("team", "NoExecute")], id="uncordoned"
        ),
        pytest.param(
            node("n") | {"status": conditions(Ready="False")},
            [(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")],
            id="not ready",
        ),
        pytest.param(
            node("n", taints=[taint(NOT_READY), taint(NOT_READY, "NoExecute")])
            | {"status": conditions(Ready="Unknown")},
            [(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")],
            id="lost, after it was not ready",
        ),
        pytest.param(node("n", taints=[taint(NOT_READY), taint(NOT_READY, "NoExecute")]), [], id="ready again"),
        pytest.param(
            node("n") | {"status": conditions(Ready="True", DiskPressure="True")},
            [("node.kubernetes.io/disk-pressure", "NoSchedule")],
            id="under pressure",
        ),
        pytest.param(node("n", taints=[taint(NOT_READY)]) | {"status": {}}, None, id="no kubelet has spoken"),
    ],
)
def test_a_node_has_the_taints_of_its_state(obj: JSON, expected: list[tuple[str, str]] | None) -> None:
    changes = reconcile(obj, 0.0)
    if expected is None:
        assert changes == []
        return
    [change] = changes
    assert isinstance(change, Update)
    assert [(each["key"], each["effect"]) for each in change.obj["spec"].get("taints", ())] == expected


@pytest.mark.looptime
async def test_a_cordon_is_a_taint_until_it_is_taken_back() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        for is_cordoned in (True, False):
            stored = cluster.one(NODES, "node-1")
            spec = {**stored["spec"], "unschedulable": is_cordoned}
            cluster.registry.update(NODES, {**stored, "spec": spec})
            await cluster.settle()
            assert bool(cluster.one(NODES, "node-1")["spec"].get("taints")) is is_cordoned
