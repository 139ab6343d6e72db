"""Claims and volumes over a real Store: who gets which, what it waits for, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster
from tests.helpers.objects import build, build_pod

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, STORAGECLASSES
from kubecontroller.controllers import ControllerConfig
from kubecontroller.volume.folders import VolumeFolders, size_text

pytestmark = pytest.mark.looptime

FOLDER = "kubesvc.dev/folder"
DEFAULT = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}


def claim(name: str = "data", size: str = "1Gi", modes: tuple[str, ...] = ("ReadWriteOnce",), **spec: Any) -> JSON:
    asked = {"accessModes": list(modes), "resources": {"requests": {"storage": size}}}
    return build("PersistentVolumeClaim", name, "default", spec={**asked, **spec})


def volume(name: str = "disk", size: str = "1Gi", modes: tuple[str, ...] = ("ReadWriteOnce",), **spec: Any) -> JSON:
    has = {"accessModes": list(modes), "capacity": {"storage": size}, "hostPath": {"path": f"/srv/{name}"}}
    return build("PersistentVolume", name, spec={**has, **spec})


def storage_class(name: str = "standard", provisioner: str = FOLDER, **fields: Any) -> JSON:
    return build("StorageClass", name, provisioner=provisioner, **fields)


def new_cluster(folder: str = "/nowhere", *, disk_bytes: int = 1 << 40) -> FakeCluster:
    cluster = FakeCluster(config=ControllerConfig(volumes=VolumeFolders(folder, lambda: disk_bytes)))
    cluster.registry.create(STORAGECLASSES, storage_class(metadata=DEFAULT, allowVolumeExpansion=True))
    return cluster


def phase(cluster: FakeCluster, name: str = "data") -> tuple[str, str]:
    found = cluster.one(PERSISTENTVOLUMECLAIMS, name)
    return found["status"]["phase"], found["spec"].get("volumeName", "")


async def test_a_claim_of_the_default_class_gets_a_folder_of_its_own() -> None:
    cluster = new_cluster()
    made = cluster.apply(PERSISTENTVOLUMECLAIMS, claim())
    async with cluster.running():
        [disk] = cluster.store.list(PERSISTENTVOLUMES)
    name = f"pvc-{made['metadata']['uid']}"
    assert phase(cluster) == ("Bound", name)
    assert made["spec"]["storageClassName"] == "standard"
    assert disk["spec"]["hostPath"] == {"path": f"/nowhere/{name}", "type": "DirectoryOrCreate"}
    assert (disk["status"]["phase"], disk["spec"]["claimRef"]["uid"]) == ("Bound", made["metadata"]["uid"])
    assert cluster.one(PERSISTENTVOLUMECLAIMS, "data")["status"]["capacity"] == {"storage": "1Gi"}
    assert cluster.events("ProvisioningSucceeded") == [f"Successfully provisioned volume {name} using {FOLDER}"]


@pytest.mark.parametrize(
    ("asked", "reason", "text"),
    [
        pytest.param(
            claim(size="2Ti"),
            "ProvisioningFailed",
            'Failed to provision volume with StorageClass "standard": '
            "the claim asks for 2Ti, and the disk of this machine has 1Ti",
            id="more than the disk has",
        ),
        pytest.param(
            claim(volumeMode="Block"),
            "ProvisioningFailed",
            f"{FOLDER} does not support block volume provisioning",
            id="a block device",
        ),
        pytest.param(
            claim(storageClassName="gold"),
            "ProvisioningFailed",
            'storageclass.storage.k8s.io "gold" not found',
            id="an unknown class",
        ),
        pytest.param(
            claim(storageClassName=""),
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
            id="no class",
        ),
        pytest.param(
            claim(storageClassName="late"),
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
            id="nobody uses it yet",
        ),
        pytest.param(
            claim(storageClassName="cloud"),
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'example.com/disk' or manually by "
            "the system administrator. If volume creation is delayed, please verify that the provisioner is running "
            "and correctly registered.",
            id="somebody else's provisioner",
        ),
    ],
)
async def test_a_claim_that_has_to_wait_says_for_what(asked: JSON, reason: str, text: str) -> None:
    cluster = new_cluster()
    cluster.registry.create(STORAGECLASSES, storage_class("late", volumeBindingMode="WaitForFirstConsumer"))
    cluster.registry.create(STORAGECLASSES, storage_class("cloud", "example.com/disk"))
    cluster.apply(PERSISTENTVOLUMECLAIMS, asked)
    async with cluster.running():
        pass
    assert phase(cluster) == ("Pending", "")
    assert cluster.events(reason) == [text]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(claim(storageClassName=""), "small", id="the smallest"),
        pytest.param(claim(size="5Gi", storageClassName=""), "large", id="large enough"),
        pytest.param(claim(modes=("ReadWriteMany",), storageClassName=""), "shared", id="access mode"),
        pytest.param(
            claim(storageClassName="", selector={"matchLabels": {"speed": "high"}}), "fast", id="its selector"
        ),
        pytest.param(claim(storageClassName="", volumeName="large"), "large", id="its name"),
        pytest.param(claim("kept", storageClassName=""), "reserved", id="kept for it"),
    ],
)
async def test_a_claim_gets_the_volume_that_suits_it(asked: JSON, expected: str) -> None:
    cluster = new_cluster()
    fast = volume("fast", "9Gi")
    fast["metadata"]["labels"] = {"speed": "high"}
    reserved = volume("reserved", claimRef={"namespace": "default", "name": "kept"})
    shared = volume("shared", "8Gi", ("ReadWriteOnce", "ReadWriteMany"))
    for each in (volume("large", "6Gi"), volume("small", "2Gi"), shared, fast, reserved):
        cluster.apply(PERSISTENTVOLUMES, each)
    cluster.apply(PERSISTENTVOLUMECLAIMS, asked)
    async with cluster.running():
        pass
    assert phase(cluster, asked["metadata"]["name"]) == ("Bound", expected)
    assert cluster.one(PERSISTENTVOLUMES, expected)["status"]["phase"] == "Bound"


async def test_a_claim_that_names_a_volume_which_does_not_suit_it_says_why() -> None:
    cluster = new_cluster()
    cluster.apply(PERSISTENTVOLUMES, volume("disk", "1Gi"))
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim(size="2Gi", storageClassName="", volumeName="disk"))
    async with cluster.running():
        pass
    assert cluster.events("VolumeMismatch") == ['Cannot bind to requested volume "disk": requested PV is too small']


async def test_a_volume_of_ones_own_is_released_and_kept_when_its_claim_goes() -> None:
    cluster = new_cluster()
    cluster.apply(PERSISTENTVOLUMES, volume())
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim(storageClassName=""))
    async with cluster.running():
        cluster.registry.delete(PERSISTENTVOLUMECLAIMS, "default", "data")
        await cluster.settle()
    assert cluster.one(PERSISTENTVOLUMES, "disk")["status"]["phase"] == "Released"


async def test_a_folder_goes_with_its_claim_and_that_of_a_retaining_class_stays(tmp_path: Path) -> None:
    cluster = new_cluster(str(tmp_path))
    cluster.registry.create(STORAGECLASSES, storage_class("kept", reclaimPolicy="Retain"))
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim())
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim("other", storageClassName="kept"))
    async with cluster.running():
        for each in cluster.store.list(PERSISTENTVOLUMES):
            Path(each["spec"]["hostPath"]["path"], "x").mkdir(parents=True)
        kept = phase(cluster, "other")[1]
        for name in ("data", "other"):
            cluster.registry.delete(PERSISTENTVOLUMECLAIMS, "default", name)
        await cluster.settle()
        [left] = cluster.store.list(PERSISTENTVOLUMES)
    assert (left["metadata"]["name"], left["status"]["phase"]) == (kept, "Released")
    assert [each.name for each in tmp_path.iterdir()] == [kept]


async def test_a_folder_that_cannot_be_taken_away_keeps_its_volume_with_an_event(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cluster = new_cluster(str(tmp_path / "file"))
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim())
    async with cluster.running():
        cluster.registry.delete(PERSISTENTVOLUMECLAIMS, "default", "data")
        await cluster.settle()
        [disk] = cluster.store.list(PERSISTENTVOLUMES)
        assert disk["status"]["phase"] == "Released"
    assert cluster.events("VolumeFailedDelete")[0].endswith("not a directory")


async def test_a_claim_in_use_goes_only_after_its_pod() -> None:
    cluster = new_cluster()
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim())
    cluster.apply(PODS, pod("user", "data"))
    async with cluster.running():
        cluster.registry.delete(PERSISTENTVOLUMECLAIMS, "default", "data")
        await cluster.settle()
        assert cluster.one(PERSISTENTVOLUMECLAIMS, "data")["metadata"]["deletionTimestamp"]
        cluster.registry.delete(PODS, "default", "user")
        await cluster.settle()
    assert cluster.store.list(PERSISTENTVOLUMECLAIMS) == []


async def test_a_bound_claim_tells_whether_a_pod_uses_it() -> None:
    cluster = new_cluster()
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim())
    async with cluster.running():
        told = []
        for change in (None, "create", "end"):
            if change == "create":
                cluster.apply(PODS, pod("user", "data"))
            elif change == "end":
                cluster.kubelet.end(ObjectKey("default", "user"), "Succeeded")
            await cluster.settle()
            [condition] = cluster.one(PERSISTENTVOLUMECLAIMS, "data")["status"]["conditions"]
            told.append((condition["type"], condition["status"], condition["reason"]))
    assert told == [
        ("Unused", "True", "NoPodsUsingPVC"),
        ("Unused", "False", "PodUsingPVC"),
        ("Unused", "True", "NoPodsUsingPVC"),
    ]


async def test_a_claim_that_asks_for_more_gets_it_at_once() -> None:
    cluster = new_cluster()
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim())
    async with cluster.running():
        bound = cluster.one(PERSISTENTVOLUMECLAIMS, "data")
        spec = {**bound["spec"], "resources": {"requests": {"storage": "3Gi"}}}
        cluster.registry.update(PERSISTENTVOLUMECLAIMS, {**bound, "spec": spec})
        await cluster.settle()
        [disk] = cluster.store.list(PERSISTENTVOLUMES)
    assert disk["spec"]["capacity"] == {"storage": "3Gi"}
    assert cluster.one(PERSISTENTVOLUMECLAIMS, "data")["status"]["capacity"] == {"storage": "3Gi"}


async def test_a_bound_claim_whose_volume_is_gone_is_lost() -> None:
    cluster = new_cluster()
    cluster.apply(PERSISTENTVOLUMES, volume())
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim(storageClassName=""))
    async with cluster.running():
        disk = cluster.one(PERSISTENTVOLUMES, "disk")
        cluster.registry.update(PERSISTENTVOLUMES, {**disk, "metadata": {**disk["metadata"], "finalizers": []}})
        cluster.registry.delete(PERSISTENTVOLUMES, "", "disk")
        await cluster.settle()
    assert phase(cluster)[0] == "Lost"
    assert cluster.events("ClaimLost") == ["Bound claim has lost its PersistentVolume. Data on the volume is lost!"]


def pod(name: str, *claims: str, **spec: Any) -> JSON:
    volumes = [{"name": each, "persistentVolumeClaim": {"claimName": each}} for each in claims]
    return build_pod(name, {"name": "c", "image": "i"}, namespace="default", volumes=volumes, **spec)


async def test_a_pod_that_is_the_first_consumer_gets_its_claim_a_volume() -> None:
    cluster = new_cluster()
    cluster.registry.create(STORAGECLASSES, storage_class("late", volumeBindingMode="WaitForFirstConsumer"))
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim(storageClassName="late"))
    cluster.apply(PODS, pod("user", "data"))
    async with cluster.running():
        pass
    assert phase(cluster)[0] == "Bound"
    assert read_pod(cluster.one(PODS, "user")).node_name
    assert cluster.events("FailedScheduling") == []


async def test_a_pod_with_an_ephemeral_volume_gets_a_claim_that_goes_with_it() -> None:
    cluster = new_cluster()
    template = {"metadata": {"labels": {"a": "b"}}, "spec": claim()["spec"]}
    scratch = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}
    cluster.apply(PODS, build_pod("user", {"name": "c", "image": "i"}, namespace="default", volumes=[scratch]))
    async with cluster.running():
        assert phase(cluster, "user-scratch")[0] == "Bound"
        assert read_pod(cluster.one(PODS, "user")).node_name
        cluster.registry.delete(PODS, "default", "user")
        await cluster.settle()
    assert cluster.store.list(PERSISTENTVOLUMECLAIMS) == []


async def test_a_local_volume_brings_its_pod_to_its_node() -> None:
    cluster = new_cluster()
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-2"]}]}
    spec = volume("disk", storageClassName="local", nodeAffinity={"required": {"nodeSelectorTerms": [term]}})["spec"]
    spec["local"] = {"path": spec.pop("hostPath")["path"]}
    none = storage_class("local", "kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer")
    cluster.registry.create(STORAGECLASSES, none)
    cluster.apply(PERSISTENTVOLUMES, build("PersistentVolume", "disk", spec=spec))
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim(storageClassName="local"))
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim("more", storageClassName="local"))
    cluster.apply(PODS, pod("user", "data"))
    async with cluster.running():
        assert phase(cluster) == ("Bound", "disk")
        cluster.apply(PODS, pod("late", "more"))
        await cluster.settle()
    assert read_pod(cluster.one(PODS, "user")).node_name == "node-2"
    assert not read_pod(cluster.one(PODS, "late")).node_name
    [text] = cluster.events("FailedScheduling")
    assert text.startswith("0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.")


async def test_a_read_write_once_pod_claim_is_for_one_pod() -> None:
    cluster = new_cluster()
    cluster.apply(PERSISTENTVOLUMECLAIMS, claim(modes=("ReadWriteOncePod",)))
    cluster.apply(PODS, pod("first", "data"))
    async with cluster.running():
        cluster.apply(PODS, pod("second", "data"))
        await cluster.settle()
        assert "already in-use by another pod" in cluster.events("FailedScheduling")[0]
        cluster.registry.delete(PODS, "default", "first")
        await cluster.settle()
    assert read_pod(cluster.store.get(PODS, *ObjectKey("default", "second"))).node_name


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (1023, "1023"), (1 << 30, "1Gi"), (252 << 30, "252Gi"), (1 << 40, "1Ti")]
)
def test_a_size_is_told_in_its_largest_unit(count: int, text: str) -> None:
    assert size_text(count) == text
