"""The scheduler over a real Store: binding, waiting, and trying again when that may help."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, node
from tests.helpers.objects import build, build_pod

from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.conditions import find_condition
from kubeapi.registry import DeleteOptions, Registry, RegistryConfig
from kubeapi.scheme import NODES, PODS, PRIORITYCLASSES, Resource
from kubeapi.status import Conflict

pytestmark = pytest.mark.looptime


def pod(name: str, **spec: Any) -> JSON:
    return build_pod(name, {"name": "main", "image": "nginx"}, namespace="default", **spec)


async def test_a_pod_is_bound_and_an_event_says_so() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        cluster.registry.create(PODS, pod("web"))
        await cluster.settle()
        assert cluster.one(PODS, "web")["spec"]["nodeName"] == "node-1"
        assert cluster.events("Scheduled") == ["Successfully assigned default/web to node-1"]


async def test_fifty_pods_at_once_are_spread_evenly() -> None:
    async with FakeCluster(nodes=3).running() as cluster:
        for number in range(50):
            cluster.registry.create(PODS, pod(f"web-{number}"))
        await cluster.settle()
        assert sorted(Counter(each["spec"]["nodeName"] for each in cluster.pods()).values()) == [16, 17, 17]


async def test_a_pod_that_names_its_node_is_left_alone() -> None:
    async with FakeCluster(nodes=2).running() as cluster:
        cluster.registry.create(PODS, pod("web", nodeName="node-2"))
        await cluster.settle()
        assert cluster.one(PODS, "web")["spec"]["nodeName"] == "node-2"
        assert cluster.events("Scheduled") == []


async def test_a_pod_with_scheduling_gates_is_scheduled_once_the_last_is_removed() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        cluster.registry.create(PODS, pod("web", schedulingGates=[{"name": "a.io/quota"}, {"name": "a.io/other"}]))
        await cluster.settle()
        gated = cluster.one(PODS, "web")
        [condition] = gated["status"]["conditions"]
        assert (condition["status"], condition["reason"], gated["spec"].get("nodeName")) == (
            "False",
            "SchedulingGated",
            None,
        )
        for gates in ([{"name": "a.io/other"}], []):
            assert "nodeName" not in cluster.one(PODS, "web")["spec"]
            stored = cluster.one(PODS, "web")
            cluster.registry.update(PODS, {**stored, "spec": {**stored["spec"], "schedulingGates": gates}})
            await cluster.settle()
        assert cluster.one(PODS, "web")["spec"]["nodeName"] == "node-1"


async def test_a_pod_that_waits_for_another_scheduler_is_left_to_it() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        cluster.registry.create(PODS, pod("web", schedulerName="my-scheduler"))
        await cluster.settle()
        waiting = cluster.one(PODS, "web")
        assert ("nodeName" in waiting["spec"], waiting["status"].get("conditions")) == (False, None)
        assert cluster.events("FailedScheduling") == []


async def test_a_pod_without_a_node_has_one_event_and_gets_a_node_that_is_created() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        cluster.registry.create(PODS, pod("web", nodeSelector={"disk": "ssd"}))
        await cluster.settle()
        [condition] = cluster.one(PODS, "web")["status"]["conditions"]
        assert (condition["type"], condition["status"], condition["reason"]) == (
            "PodScheduled",
            "False",
            "Unschedulable",
        )
        cluster.registry.create(PODS, pod("other"))
        await cluster.settle()
        assert len(cluster.events("FailedScheduling")) == 1
        fitting = node("node-2")
        fitting["metadata"]["labels"]["disk"] = "ssd"
        cluster.registry.create(NODES, fitting)
        await cluster.settle()
        assert cluster.one(PODS, "web")["spec"]["nodeName"] == "node-2"


async def test_a_pod_waits_for_a_place_on_a_full_node() -> None:
    async with FakeCluster(nodes=0).running() as cluster:
        one = node("node-1")
        cluster.registry.create(NODES, one | {"status": one["status"] | {"allocatable": {"pods": "1"}}})
        cluster.registry.create(PODS, pod("first"))
        cluster.registry.create(PODS, pod("second"))
        await cluster.settle()
        assert not cluster.one(PODS, "second")["spec"].get("nodeName")
        cluster.registry.delete(PODS, "default", "first", DeleteOptions(0))
        await cluster.settle()
        assert cluster.one(PODS, "second")["spec"]["nodeName"] == "node-1"


class RefusingRegistry(Registry):
    """Refuses the first bindings, as if another writer had come first."""

    refusals = 2

    def update(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        if resource is PODS and self.refusals:
            self.refusals -= 1
            raise Conflict(PODS, obj["metadata"]["name"])
        return super().update(resource, obj, dry_run=dry_run)


async def test_a_refused_binding_is_tried_again() -> None:
    cluster = FakeCluster(nodes=1)
    cluster.registry = RefusingRegistry(cluster.store, RegistryConfig(), clock=cluster.clock, rng=random.Random(1))
    async with cluster.running():
        cluster.registry.create(PODS, pod("web"))
        await cluster.settle()
        assert not cluster.one(PODS, "web")["spec"].get("nodeName")
        await asyncio.sleep(1)
        assert cluster.one(PODS, "web")["spec"]["nodeName"] == "node-1"


async def test_a_waiting_pod_that_is_deleted_is_forgotten() -> None:
    async with FakeCluster(nodes=0).running() as cluster:
        cluster.registry.create(PODS, pod("web"))
        await cluster.settle()
        assert cluster.events("FailedScheduling") == ["no nodes available to schedule pods"]
        cluster.registry.delete(PODS, "default", "web")
        cluster.registry.create(NODES, node("node-1"))
        await cluster.settle()
        assert cluster.pods() == []
        assert cluster.events("Scheduled") == []


async def test_a_deleted_node_gets_no_more_pods() -> None:
    async with FakeCluster(nodes=2).running() as cluster:
        cluster.registry.delete(NODES, "", "node-1")
        await cluster.settle()
        for number in range(4):
            cluster.registry.create(PODS, pod(f"web-{number}"))
        await cluster.settle()
        assert {each["spec"]["nodeName"] for each in cluster.pods()} == {"node-2"}


async def test_a_pod_with_pod_affinity_gets_its_node_when_the_other_pod_is_assigned() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    async with FakeCluster(nodes=2).running() as cluster:
        cluster.registry.create(PODS, pod("web", affinity=affinity))
        await cluster.settle()
        assert not cluster.one(PODS, "web")["spec"].get("nodeName")
        database = pod("db", nodeName="node-2")
        database["metadata"]["labels"] = {"app": "db"}
        cluster.registry.create(PODS, database)
        await cluster.settle()
        assert cluster.one(PODS, "web")["spec"]["nodeName"] == "node-2"


def asking(name: str, cpu: str, priority: str, **spec: Any) -> JSON:
    resources = {"requests": {"cpu": cpu}}
    container = {"name": "main", "image": "nginx", "resources": resources}
    return build_pod(name, container, namespace="default", priorityClassName=priority, **spec)


async def test_a_more_important_pod_takes_the_place_of_others_which_are_told_why() -> None:
    async with FakeCluster(nodes=1).running() as cluster:
        for name, value in (("low", 1), ("high", 10)):
            cluster.registry.create(PRIORITYCLASSES, {**build("PriorityClass", name), "value": value})
        for name in ("a", "b"):
            held = asking(name, "32", "low")
            cluster.registry.create(
                PODS, {**held, "metadata": {**held["metadata"], "finalizers": ["example.com/stay"]}}
            )
        await cluster.settle()
        cluster.registry.create(PODS, asking("vip", "40", "high"))
        await cluster.settle()
        waiting = cluster.one(PODS, "vip")
        assert waiting["status"]["nominatedNodeName"] == "node-1"
        said = "preemption: found a potential placement for pod on node node-1, preempting 2 victims"
        assert cluster.events("FailedScheduling") == [f"0/1 nodes are available: 1 Insufficient cpu. {said}"]
        told = f"Preempted by pod {waiting['metadata']['uid']} on node node-1"
        assert cluster.events("Preempted") == [told, told]
        for name in ("a", "b"):
            victim = cluster.one(PODS, name)
            condition = find_condition(victim, "DisruptionTarget")
            assert condition is not None
            assert condition["reason"] == "PreemptionByScheduler"
            assert is_terminating(victim)
        cluster.registry.create(PODS, asking("late", "30", "low"))
        await cluster.settle()
        for name in ("a", "b"):
            cluster.kubelet.end(ObjectKey("default", name))
        await cluster.settle()
        placed = cluster.one(PODS, "vip")
        assert (placed["spec"]["nodeName"], "nominatedNodeName" in placed["status"]) == ("node-1", False)
        assert not cluster.one(PODS, "late")["spec"].get("nodeName")


async def test_the_most_important_of_the_waiting_pods_is_scheduled_first() -> None:
    async with FakeCluster(nodes=0).running() as cluster:
        for name, value in (("low", 1), ("high", 10)):
            cluster.registry.create(PRIORITYCLASSES, {**build("PriorityClass", name), "value": value})
        for name, priority in (("a", "low"), ("b", "high"), ("c", "low")):
            cluster.registry.create(PODS, asking(name, "40", priority))
        await cluster.settle()
        cluster.registry.create(NODES, node("node-1"))
        await cluster.settle()
        assert [each["metadata"]["name"] for each in cluster.pods() if each["spec"].get("nodeName")] == ["b"]


async def test_a_pod_that_waits_for_an_even_spread_is_tried_again_when_others_come() -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }

    def web(name: str, **spec: Any) -> JSON:
        found = pod(name, **spec)
        return {**found, "metadata": {**found["metadata"], "labels": {"app": "web"}}}

    async with FakeCluster(nodes=2).running() as cluster:
        cluster.registry.create(PODS, web("first", nodeName="node-1"))
        only = {"nodeSelector": {"kubernetes.io/hostname": "node-1"}, "topologySpreadConstraints": [constraint]}
        cluster.registry.create(PODS, web("second", **only))
        await cluster.settle()
        assert cluster.one(PODS, "second")["spec"]["nodeName"] == "node-1"
        free = {"topologySpreadConstraints": [{**constraint, "nodeAffinityPolicy": "Ignore"}]}
        cluster.registry.create(PODS, web("third", **{**only, **free}))
        await cluster.settle()
        assert not cluster.one(PODS, "third")["spec"].get("nodeName")
        for name in ("fourth", "fifth"):
            cluster.registry.create(PODS, web(name, nodeName="node-2"))
            await cluster.settle()
        assert cluster.one(PODS, "third")["spec"]["nodeName"] == "node-1"
