"""Pods that have to leave a node with a NoExecute taint: at once, after a while, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster
from tests.helpers.objects import build_pod

from kubeapi.meta import JSON, is_terminating
from kubeapi.objects.conditions import find_condition
from kubeapi.scheme import NODES, PODS
from kubecontroller.node.tainteviction import toleration_seconds

BLUE = {"key": "team", "value": "blue", "effect": "NoExecute"}
RED = {"key": "red", "effect": "NoExecute"}


def tolerates(key: str, seconds: int | None = None, **more: Any) -> JSON:
    times = {} if seconds is None else {"tolerationSeconds": seconds}
    return {"key": key, "operator": "Exists", "effect": "NoExecute", **times, **more}


@pytest.mark.parametrize(
    ("tolerations", "taints", "expected"),
    [
        pytest.param([], [BLUE], 0, id="not at all"),
        pytest.param([tolerates("team")], [BLUE], None, id="for ever"),
        pytest.param([tolerates("team")], [BLUE, RED], 0, id="one of two"),
        pytest.param([tolerates("team", 30)], [BLUE], 30, id="for a while"),
        pytest.param([tolerates("team", 30), tolerates("red", 5)], [BLUE, RED], 5, id="the shortest"),
        pytest.param([tolerates("team", 30), tolerates("red")], [BLUE, RED], 30, id="one of them for ever"),
        pytest.param([tolerates("team", -1)], [BLUE], 0, id="a time before now"),
        pytest.param([tolerates("team", 9), tolerates("team", 1)], [BLUE], 9, id="the first that fits"),
        pytest.param([tolerates("team", effect="NoSchedule")], [BLUE], 0, id="another effect"),
    ],
)
def test_taints_are_tolerated_for_the_shortest_time(tolerations: Any, taints: Any, expected: float | None) -> None:
    assert toleration_seconds(tolerations, taints) == expected


def pod(name: str, *tolerations: JSON) -> JSON:
    found = build_pod(name, {"name": "main", "image": "nginx"}, namespace="default", tolerations=list(tolerations))
    return {**found, "metadata": {**found["metadata"], "finalizers": ["example.com/stay"]}}


def taint(cluster: FakeCluster, *taints: JSON) -> None:
    node = cluster.one(NODES, "node-1")
    cluster.registry.update(NODES, {**node, "spec": {**node["spec"], "taints": list(taints)}})


def leaving(cluster: FakeCluster) -> set[str]:
    return {each["metadata"]["name"] for each in cluster.pods() if is_terminating(each)}


@pytest.mark.looptime
async def test_pods_leave_when_their_time_is_over_and_are_told_why() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        for each in (pod("now"), pod("later", tolerates("team", 30)), pod("never", tolerates("team"))):
            cluster.registry.create(PODS, each)
        await cluster.settle()
        taint(cluster, BLUE)
        await cluster.settle()
        assert leaving(cluster) == {"now"}
        condition = find_condition(cluster.one(PODS, "now"), "DisruptionTarget")
        assert condition is not None
        assert (condition["reason"], condition["message"]) == (
            "DeletionByTaintManager",
            "Taint manager: deleting due to NoExecute taint",
        )
        await asyncio.sleep(29)
        assert leaving(cluster) == {"now"}
        await asyncio.sleep(2)
        await cluster.settle()
        assert leaving(cluster) == {"now", "later"}
        assert cluster.events("TaintManagerEviction") == [
            "Marking for deletion Pod default/now",
            "Marking for deletion Pod default/later",
        ]


@pytest.mark.looptime
async def test_a_taint_that_goes_or_a_toleration_for_ever_cancels_the_deletion() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        cluster.registry.create(PODS, pod("web", tolerates("team", 30)))
        await cluster.settle()
        taint(cluster, BLUE)
        await cluster.settle()
        taint(cluster)
        await cluster.settle()
        assert cluster.events("TaintManagerEviction") == ["Cancelling deletion of Pod default/web"]
        taint(cluster, BLUE)
        await cluster.settle()
        stored = cluster.one(PODS, "web")
        tolerations = [tolerates("team"), *stored["spec"]["tolerations"]]
        cluster.registry.update(PODS, {**stored, "spec": {**stored["spec"], "tolerations": tolerations}})
        await asyncio.sleep(60)
        await cluster.settle()
        assert leaving(cluster) == set()


@pytest.mark.looptime
async def test_a_pod_that_comes_to_a_tainted_node_leaves_it_again() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        taint(cluster, BLUE)
        await cluster.settle()
        placed = pod("web")
        cluster.registry.create(PODS, {**placed, "spec": {**placed["spec"], "nodeName": "node-1"}})
        await cluster.settle()
        assert leaving(cluster) == {"web"}
