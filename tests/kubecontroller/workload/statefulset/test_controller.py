"""StatefulSets over a real Store: which pods come and go, in which order, and what they keep."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster
from tests.helpers.objects import build

from kubeapi.meta import JSON, ObjectKey, labels_of, owner_reference
from kubeapi.registry import DeleteOptions
from kubeapi.registry.scaling import scale
from kubeapi.scheme import (
    CONTROLLERREVISIONS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    STATEFULSETS,
    STORAGECLASSES,
)
from kubecontroller.controllers import ControllerConfig
from kubecontroller.volume.folders import VolumeFolders

pytestmark = pytest.mark.looptime

POD = {"containers": [{"name": "c", "image": "one"}]}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def web(replicas: int = 3, image: str = "one", **spec: Any) -> JSON:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    fixed = {"serviceName": "web", "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return build("StatefulSet", "web", "default", spec={"replicas": replicas, **fixed, **spec})


def new_cluster(*, is_automatic: bool = True) -> FakeCluster:
    config = ControllerConfig(volumes=VolumeFolders("/nowhere", lambda: 1 << 40))
    cluster = FakeCluster(is_automatic=is_automatic, config=config)
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    cluster.registry.create(
        STORAGECLASSES,
        build("StorageClass", "standard", metadata={"annotations": mark}, provisioner="kubesvc.dev/folder"),
    )
    return cluster


def names(cluster: FakeCluster) -> list[str]:
    return sorted(each["metadata"]["name"] for each in cluster.pods())


def images(cluster: FakeCluster) -> str:
    pods = sorted(cluster.pods(), key=lambda each: str(each["metadata"]["name"]))
    return " ".join(each["spec"]["containers"][0]["image"] for each in pods)


def claims(cluster: FakeCluster) -> list[str]:
    return sorted(each["metadata"]["name"] for each in cluster.store.list(PERSISTENTVOLUMECLAIMS))


def ready(cluster: FakeCluster, name: str, is_ready: bool = True) -> None:
    cluster.kubelet.set_ready(ObjectKey("default", name), is_ready)


async def test_a_pod_comes_when_the_one_before_it_is_ready_and_goes_after_those_behind_it() -> None:
    cluster = new_cluster(is_automatic=False)
    cluster.apply(STATEFULSETS, web(3))
    async with cluster.running():
        for number in range(3):
            assert names(cluster) == [f"web-{each}" for each in range(number + 1)]
            ready(cluster, f"web-{number}")
            await cluster.settle()
        scale(cluster.registry, STATEFULSETS, ObjectKey("default", "web"), 1)
        await cluster.settle()
        assert names(cluster) == ["web-0"]
    gone = cluster.events("SuccessfulDelete")
    assert gone == [f"Delete Pod web-{each} in StatefulSet web successful" for each in (2, 1)]
    status = cluster.one(STATEFULSETS, "web")["status"]
    assert (status["replicas"], status["readyReplicas"], status["currentReplicas"]) == (1, 1, 1)


async def test_pods_of_a_parallel_one_come_at_once() -> None:
    cluster = new_cluster(is_automatic=False)
    cluster.apply(STATEFULSETS, web(3, podManagementPolicy="Parallel"))
    async with cluster.running():
        assert names(cluster) == ["web-0", "web-1", "web-2"]


async def test_a_pod_has_its_name_as_host_name_and_its_number_from_where_they_start() -> None:
    cluster = new_cluster()
    cluster.apply(STATEFULSETS, web(2, ordinals={"start": 5}))
    async with cluster.running():
        pod = cluster.one(PODS, "web-6")
    assert names(cluster) == ["web-5", "web-6"]
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-6", "web")
    assert labels_of(pod)["statefulset.kubernetes.io/pod-name"] == "web-6"
    assert labels_of(pod)["apps.kubernetes.io/pod-index"] == "6"
    [revision] = cluster.store.list(CONTROLLERREVISIONS)
    assert labels_of(pod)["controller-revision-hash"] == revision["metadata"]["name"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param({"type": "RollingUpdate"}, "two two two", id="all"),
        pytest.param({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "one one two", id="a canary"),
        pytest.param({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}, "two two two", id="two"),
        pytest.param({"type": "OnDelete"}, "one one one", id="none before it is deleted"),
    ],
)
async def test_an_update_replaces_the_pods_that_its_strategy_names(strategy: JSON, expected: str) -> None:
    cluster = new_cluster()
    cluster.apply(STATEFULSETS, web(updateStrategy=strategy))
    async with cluster.running():
        cluster.apply(STATEFULSETS, web(image="two", updateStrategy=strategy))
        await cluster.settle()
        assert images(cluster) == expected
        cluster.registry.delete(PODS, "default", "web-0", DeleteOptions(0))
        await cluster.settle()
        first = "one" if strategy.get("rollingUpdate", {}).get("partition") else "two"
        assert images(cluster).split()[0] == first


async def test_the_template_of_an_earlier_revision_is_that_revision_again() -> None:
    cluster = new_cluster()
    cluster.apply(STATEFULSETS, web(1))
    async with cluster.running():
        for image in ("two", "one"):
            cluster.apply(STATEFULSETS, web(1, image))
            await cluster.settle()
    numbers = sorted(each["revision"] for each in cluster.store.list(CONTROLLERREVISIONS))
    assert numbers == [2, 3]
    status = cluster.one(STATEFULSETS, "web")["status"]
    assert status["currentRevision"] == status["updateRevision"]


async def test_revisions_beyond_the_limit_go_once_no_pod_is_of_them() -> None:
    cluster = new_cluster()
    cluster.apply(STATEFULSETS, web(1, revisionHistoryLimit=1))
    async with cluster.running():
        for image in ("two", "three", "four"):
            cluster.apply(STATEFULSETS, web(1, image, revisionHistoryLimit=1))
            await cluster.settle()
    assert sorted(each["revision"] for each in cluster.store.list(CONTROLLERREVISIONS)) == [3, 4]


async def test_with_min_ready_seconds_the_next_pod_waits_for_them() -> None:
    cluster = new_cluster()
    cluster.apply(STATEFULSETS, web(2, minReadySeconds=30))
    async with cluster.running():
        assert names(cluster) == ["web-0"]
        await asyncio.sleep(31)
        await cluster.settle()
        assert names(cluster) == ["web-0", "web-1"]
        assert cluster.one(STATEFULSETS, "web")["status"]["availableReplicas"] == 1


async def test_a_pod_that_has_failed_is_replaced_and_keeps_its_claim() -> None:
    cluster = new_cluster()
    cluster.apply(STATEFULSETS, web(1, volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": CLAIM}]))
    async with cluster.running():
        before, claim = cluster.one(PODS, "web-0"), cluster.one(PERSISTENTVOLUMECLAIMS, "data-web-0")
        cluster.kubelet.end(ObjectKey("default", "web-0"))
        await cluster.settle()
    after = cluster.one(PODS, "web-0")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["volumes"][0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}
    assert cluster.one(PERSISTENTVOLUMECLAIMS, "data-web-0")["metadata"]["uid"] == claim["metadata"]["uid"]


@pytest.mark.parametrize(
    ("policy", "scaled", "deleted"),
    [
        pytest.param({}, ["data-web-0", "data-web-1"], ["data-web-0", "data-web-1"], id="kept"),
        pytest.param({"whenScaled": "Delete"}, ["data-web-0"], ["data-web-0"], id="deleted when scaled"),
        pytest.param({"whenDeleted": "Delete"}, ["data-web-0", "data-web-1"], [], id="deleted with the set"),
        pytest.param({"whenScaled": "Delete", "whenDeleted": "Delete"}, ["data-web-0"], [], id="both"),
    ],
)
async def test_claims_stay_or_go_as_the_retention_policy_says(
    policy: JSON, scaled: list[str], deleted: list[str]
) -> None:
    cluster = new_cluster()
    templates = [{"metadata": {"name": "data"}, "spec": CLAIM}]
    cluster.apply(STATEFULSETS, web(2, volumeClaimTemplates=templates, persistentVolumeClaimRetentionPolicy=policy))
    async with cluster.running():
        assert claims(cluster) == ["data-web-0", "data-web-1"]
        scale(cluster.registry, STATEFULSETS, ObjectKey("default", "web"), 1)
        await cluster.settle()
        assert claims(cluster) == scaled
        cluster.registry.delete(STATEFULSETS, "default", "web")
        await cluster.settle()
    assert claims(cluster) == deleted


async def test_a_claim_that_something_else_controls_is_left_to_it_with_an_event() -> None:
    cluster = new_cluster()
    templates = [{"metadata": {"name": "data"}, "spec": CLAIM}]
    policy = {"whenDeleted": "Delete"}
    cluster.apply(STATEFULSETS, web(1, volumeClaimTemplates=templates, persistentVolumeClaimRetentionPolicy=policy))
    async with cluster.running():
        claim = cluster.one(PERSISTENTVOLUMECLAIMS, "data-web-0")
        [own] = claim["metadata"]["ownerReferences"]
        other = owner_reference(cluster.one(PODS, "web-0"))
        references = [{**own, "controller": False}, {**other, "kind": "Boat", "name": "x", "uid": "boat"}]
        claim = {**claim, "metadata": {**claim["metadata"], "ownerReferences": references}}
        cluster.registry.update(PERSISTENTVOLUMECLAIMS, claim)
        scale(cluster.registry, STATEFULSETS, ObjectKey("default", "web"), 2)
        await cluster.settle()
    [kept] = cluster.one(PERSISTENTVOLUMECLAIMS, "data-web-0")["metadata"]["ownerReferences"]
    assert kept["uid"] == "boat"
    assert "conflicting OwnerReference" in cluster.events("ConflictingController")[0]


async def test_a_pod_that_cannot_be_created_is_told_with_the_reason() -> None:
    cluster = new_cluster()
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {**POD, "priorityClassName": "unknown"}}
    cluster.apply(STATEFULSETS, web(1, template=template))
    async with cluster.running():
        pass
    assert names(cluster) == []
    assert cluster.events("FailedCreate")[0].startswith("Create Pod web-0 in StatefulSet web failed error: ")
