"""From a volume that names a claim to the folder of its PersistentVolume, and what the kubelet says without one."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build, build_pod

from kubeapi.meta import JSON, ObjectKey
from kubelet.pod.files.claims import ClaimError, claimed
from kubelet.pod.files.volumes import Volume, read_volumes

POD = build_pod(
    "web",
    namespace="default",
    metadata={"uid": "p"},
    volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data", "readOnly": True}}],
)


def claim(phase: str = "Bound", metadata: JSON | None = None, **spec: Any) -> JSON:
    own = {"uid": "c", **(metadata or {})}
    given = {"volumeName": "disk", **spec}
    return build("PersistentVolumeClaim", "data", "default", metadata=own, spec=given, status={"phase": phase})


def disk(metadata: JSON | None = None, uid: str = "c", **spec: Any) -> JSON:
    given = spec or {"hostPath": {"path": "/srv/disk", "type": "Directory"}}
    return build("PersistentVolume", "disk", metadata=metadata, spec={"claimRef": {"uid": uid}, **given})


def resolved(*objects: JSON) -> Volume:
    kinds: dict[str, dict[ObjectKey, JSON]] = {}
    for each in objects:
        key = ObjectKey(each["metadata"].get("namespace", ""), each["metadata"]["name"])
        kinds.setdefault(each["kind"], {})[key] = each
    [volume] = read_volumes(POD)
    assert volume.is_claim
    return claimed(volume, POD, kinds)


@pytest.mark.parametrize(
    ("volume", "source", "is_provisioned"),
    [
        pytest.param(disk(), {"path": "/srv/disk", "type": "Directory"}, False, id="hostPath"),
        pytest.param(disk(local={"path": "/srv/x"}), {"path": "/srv/x", "type": "Directory"}, False, id="local"),
        pytest.param(
            disk(
                {"annotations": {"pv.kubernetes.io/provisioned-by": "kubesvc.dev/folder"}},
                hostPath={"path": "/state/pvc-1", "type": "DirectoryOrCreate"},
            ),
            {"path": "/state/pvc-1", "type": "DirectoryOrCreate"},
            True,
            id="a folder of the cluster",
        ),
    ],
)
def test_a_bound_claim_is_the_folder_of_its_volume(volume: JSON, source: JSON, is_provisioned: bool) -> None:
    found = resolved(claim(), volume)
    assert (found.name, found.kind, found.source) == ("v", "hostPath", source)
    assert (found.is_read_only, found.is_provisioned) == (True, is_provisioned)


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        pytest.param([], 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found', id="no claim"),
        pytest.param([claim("Pending")], "PVC is not bound", id="not bound"),
        pytest.param([claim(metadata={"deletionTimestamp": "x"})], "PVC is being deleted", id="going"),
        pytest.param(
            [claim()], 'failed to fetch PV disk from API server: persistentvolumes "disk" not found', id="no volume"
        ),
        pytest.param(
            [claim(), disk(uid="other")], "PV disk spec.claimRef is not set to this PVC's UID", id="another one's"
        ),
        pytest.param(
            [claim(), disk(nfs={"server": "x", "path": "/"})],
            "PV disk is of the sort nfs; kubesvc mounts hostPath and local",
            id="another sort",
        ),
        pytest.param(
            [claim(volumeMode="Block")],
            "kubesvc has no block devices for pods; the claim's volumeMode must be Filesystem",
            id="a block device",
        ),
    ],
)
def test_without_its_folder_a_pod_waits_with_the_kubelets_words(objects: list[JSON], why: str) -> None:
    with pytest.raises(ClaimError) as raised:
        resolved(*objects)
    assert str(raised.value) == (
        "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], "
        f"failed to process volumes=[v]: error processing PVC default/data: {why}"
    )
