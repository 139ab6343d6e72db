"""DaemonSets over a real Store: on which nodes their pods are, and how they are replaced."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, node
from tests.helpers.objects import build

from kubeapi.meta import JSON, ObjectKey, labels_of
from kubeapi.objects.daemonset import read_daemon_set
from kubeapi.objects.pod import read_pod
from kubeapi.registry import DeleteOptions
from kubeapi.scheme import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS
from kubecontroller.workload.daemonset.failedpods import FailedPods
from kubecontroller.workload.daemonset.pods import daemon_tolerations, target_node

pytestmark = pytest.mark.looptime


def agent(image: str = "one", pod: JSON | None = None, **spec: Any) -> JSON:
    inner = {"containers": [{"name": "c", "image": image}], **(pod or {})}
    template = {"metadata": {"labels": {"app": "agent"}}, "spec": inner}
    fixed = {"selector": {"matchLabels": {"app": "agent"}}, "template": template}
    return build("DaemonSet", "agent", "default", spec={**fixed, **spec})


def places(cluster: FakeCluster) -> list[str]:
    return sorted(read_pod(each).node_name for each in cluster.pods())


def images(cluster: FakeCluster) -> list[str]:
    return sorted(each["spec"]["containers"][0]["image"] for each in cluster.pods())


def status(cluster: FakeCluster) -> JSON:
    found: JSON = cluster.one(DAEMONSETS, "agent")["status"]
    return found


async def test_every_node_has_a_pod_also_a_new_one_and_a_cordoned_one() -> None:
    cluster = FakeCluster(nodes=2)
    cluster.apply(DAEMONSETS, agent())
    async with cluster.running():
        assert places(cluster) == ["node-1", "node-2"]
        cluster.registry.create(NODES, node("node-3", unschedulable=True))
        await cluster.settle()
        assert places(cluster) == ["node-1", "node-2", "node-3"]
    counts = {name: value for name, value in status(cluster).items() if name != "observedGeneration"}
    assert counts == {
        "currentNumberScheduled": 3,
        "desiredNumberScheduled": 3,
        "numberMisscheduled": 0,
        "numberReady": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    }


@pytest.mark.parametrize(
    ("taint", "tolerations", "expected"),
    [
        pytest.param("NoSchedule", [], ["node-1", "node-2"], id="NoSchedule lets it stay"),
        pytest.param("NoExecute", [], ["node-1"], id="NoExecute"),
        pytest.param("NoExecute", [{"operator": "Exists"}], ["node-1", "node-2"], id="tolerated"),
    ],
)
async def test_a_taint_takes_pods_away_that_do_not_tolerate_it(
    taint: str, tolerations: list[JSON], expected: list[str]
) -> None:
    cluster = FakeCluster(nodes=2)
    cluster.apply(DAEMONSETS, agent(pod={"tolerations": tolerations}))
    async with cluster.running():
        second = cluster.one(NODES, "node-2")
        cluster.registry.update(NODES, {**second, "spec": {"taints": [{"key": "gpu", "effect": taint}]}})
        await cluster.settle()
        assert places(cluster) == expected


async def test_a_node_that_loses_the_label_of_the_selector_loses_the_pod() -> None:
    cluster = FakeCluster(nodes=2)
    cluster.apply(DAEMONSETS, agent(pod={"nodeSelector": {"kubernetes.io/hostname": "node-2"}}))
    async with cluster.running():
        assert places(cluster) == ["node-2"]
        second = cluster.one(NODES, "node-2")
        cluster.registry.update(NODES, {**second, "metadata": {**second["metadata"], "labels": {}}})
        await cluster.settle()
        assert places(cluster) == []


@pytest.mark.parametrize(
    ("strategy", "after"),
    [
        pytest.param({"type": "RollingUpdate"}, ["two", "two"], id="one after the other"),
        pytest.param(
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, ["two", "two"], id="surge"
        ),
        pytest.param({"type": "OnDelete"}, ["one", "one"], id="none before it is deleted"),
    ],
)
async def test_an_update_replaces_pods_as_its_strategy_says(strategy: JSON, after: list[str]) -> None:
    cluster = FakeCluster(nodes=2)
    cluster.apply(DAEMONSETS, agent(updateStrategy=strategy))
    async with cluster.running():
        cluster.apply(DAEMONSETS, agent("two", updateStrategy=strategy))
        await cluster.settle()
        assert images(cluster) == after
    revisions = sorted(each["revision"] for each in cluster.store.list(CONTROLLERREVISIONS))
    assert revisions == [1, 2]


@pytest.mark.parametrize(
    ("rolling", "old", "new"),
    [
        pytest.param({"maxUnavailable": 1}, 3, 1, id="one is replaced"),
        pytest.param({"maxUnavailable": "50%"}, 2, 2, id="half are"),
        pytest.param({"maxSurge": 1, "maxUnavailable": 0}, 4, 1, id="one is added"),
        pytest.param({"maxSurge": "50%", "maxUnavailable": 0}, 4, 2, id="half are added"),
    ],
)
async def test_an_update_waits_for_new_pods_to_be_ready(rolling: JSON, old: int, new: int) -> None:
    cluster = FakeCluster(nodes=4)
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    cluster.apply(DAEMONSETS, agent(updateStrategy=strategy))
    async with cluster.running():
        cluster.kubelet.is_automatic = False
        cluster.apply(DAEMONSETS, agent("two", updateStrategy=strategy))
        await cluster.settle()
        assert images(cluster) == ["one"] * old + ["two"] * new


async def test_a_pod_is_made_for_its_node_and_stays_on_a_node_in_trouble() -> None:
    cluster = FakeCluster(nodes=1)
    cluster.apply(DAEMONSETS, agent())
    async with cluster.running():
        [pod] = cluster.pods()
    assert target_node({"spec": {"affinity": pod["spec"]["affinity"]}}) == "node-1"
    tolerated = {each["key"].rpartition("/")[2] for each in pod["spec"]["tolerations"]}
    assert tolerated == {
        "not-ready",
        "unreachable",
        "disk-pressure",
        "memory-pressure",
        "pid-pressure",
        "unschedulable",
    }
    [revision] = cluster.store.list(CONTROLLERREVISIONS)
    assert labels_of(pod)["controller-revision-hash"] == labels_of(revision)["controller-revision-hash"]
    assert labels_of(pod)["pod-template-generation"] == "1"


def test_a_toleration_of_its_own_is_not_there_twice() -> None:
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9}
    found = daemon_tolerations({"tolerations": [own], "hostNetwork": True})
    assert [each["key"].rpartition("/")[2] for each in found].count("not-ready") == 1
    assert "tolerationSeconds" not in found[0]
    assert found[-1]["key"] == "node.kubernetes.io/network-unavailable"


async def test_failed_pods_are_replaced_after_growing_pauses() -> None:
    cluster = FakeCluster(nodes=1)
    cluster.apply(DAEMONSETS, agent())
    async with cluster.running():
        for _ in range(2):
            [pod] = cluster.pods()
            cluster.kubelet.end(ObjectKey("default", pod["metadata"]["name"]))
            await cluster.settle()
        assert read_pod(cluster.pods()[0]).phase == "Failed"
        await asyncio.sleep(1.1)
        await cluster.settle()
        assert read_pod(cluster.pods()[0]).phase == "Running"
    assert len(cluster.events("FailedDaemonPod")) >= 1


def test_the_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    failed, now, waits = FailedPods(), 0.0, []
    of = build("DaemonSet", "a", metadata={"uid": "u"})
    for _ in range(12):
        assert failed.seconds_to_wait(read_daemon_set(of), "n", now) == 0.0
        waits.append(failed.seconds_to_wait(read_daemon_set(of), "n", now))
        now += waits[-1]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == 900.0


async def test_a_deleted_pod_comes_again_and_with_the_set_all_go() -> None:
    cluster = FakeCluster(nodes=2)
    cluster.apply(DAEMONSETS, agent())
    async with cluster.running():
        cluster.registry.delete(PODS, "default", cluster.pods()[0]["metadata"]["name"], DeleteOptions(0))
        await cluster.settle()
        assert places(cluster) == ["node-1", "node-2"]
        cluster.registry.delete(DAEMONSETS, "default", "agent")
        await cluster.settle()
    assert cluster.pods() == []
    assert cluster.store.list(CONTROLLERREVISIONS) == []
