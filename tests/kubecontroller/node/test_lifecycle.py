"""The taints that a Node gets by its conditions and by a cordon."""

from __future__ import annotations

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, deployment, node, service

from kubeapi.meta import JSON
from kubeapi.objects.conditions import find_condition
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, NODES, SERVICES
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
    change = changes[0]
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


def said(cluster: FakeCluster, status: str) -> None:
    """Write the condition Ready of the node, as somebody does of whose kubelet nothing is heard."""
    stored = cluster.one(NODES, "node-1")
    cluster.registry.update_status(NODES, {**stored, "status": {**stored["status"], **conditions(Ready=status)}})


@pytest.mark.looptime
async def test_the_pods_of_a_lost_node_are_not_ready_and_leave_the_endpoints() -> None:
    def ready() -> list[bool]:
        [found] = cluster.store.list(ENDPOINTSLICES, "default")
        return [each["conditions"]["ready"] for each in found["endpoints"]]

    async with FakeCluster(nodes=1).running() as cluster:
        cluster.registry.create(SERVICES, service())
        cluster.registry.create(DEPLOYMENTS, deployment(replicas=1))
        await cluster.settle()
        said(cluster, "False")
        await cluster.settle()
        assert ready() == [True]  # as in Kubernetes: this kubelet speaks for itself
        said(cluster, "Unknown")
        await cluster.settle()
        assert ready() == [False]
        [pod] = cluster.pods()
        condition = find_condition(pod, "Ready")
        assert condition is not None
        assert (condition["status"], condition.get("reason")) == ("False", None)
        assert cluster.events("NodeNotReady") == ["Node node-1 status is now: NodeNotReady", "Node is not ready"]
