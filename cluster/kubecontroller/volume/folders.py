"""The volumes that a cluster makes for claims: each a folder on the machine's disk, which every node has. Pure.

A folder has no limit of its own: what a claim asks for is only compared with the disk's size. Follows the host-path
provisioner of k8s.io/kubernetes ``pkg/volume/hostpath``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.claim import BOUND_BY_CONTROLLER, FOLDER_PROVISIONER, Claim
from kubeapi.objects.parts import list_at
from kubeapi.objects.persistentvolume import PROVISIONED_BY, PersistentVolume
from kubecontroller.volume.binding import claim_reference

DELETION_FINALIZER = "kubernetes.io/pv-controller"
"""On a volume whose folder is to be removed before it goes."""
_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def _no_bytes() -> int:
    return 0


class VolumeFolders(NamedTuple):
    """``path`` is the folder with a folder for each volume, "" if the cluster makes none.

    ``disk_bytes`` returns the size of the disk that it is on, and may fail with OSError.
    """

    path: str = ""
    disk_bytes: Callable[[], int] = _no_bytes

    def of(self, volume: PersistentVolume) -> str:
        """Return the folder that was made for a volume and goes with it, "" if it is somebody else's."""
        is_own = volume.provisioner == FOLDER_PROVISIONER and self.path
        return volume.path if is_own and PurePath(volume.path) == PurePath(self.path, volume.name) else ""


def volume_name(claim: Claim) -> str:
    """Return the name of the volume that is made for a claim."""
    return f"pvc-{claim.obj['metadata']['uid']}"


def refusal(claim: Claim, storage_class: JSON, disk_bytes: int) -> str:
    """Return why no folder can be made for a claim, "" if one can."""
    if claim.volume_mode == "Block":
        return f"{FOLDER_PROVISIONER} does not support block volume provisioning"
    if claim.obj["spec"].get("dataSource") or claim.obj["spec"].get("dataSourceRef"):
        text = "is not a CSI plugin. Only CSI plugin can provision a claim with a datasource"
        return f'plugin "{FOLDER_PROVISIONER}" {text}'
    if options := list_at(storage_class, "mountOptions"):
        name = storage_class["metadata"]["name"]
        return (
            "Mount options are not supported by the provisioner but StorageClass "
            f'"{name}" has mount options [{" ".join(options)}]'
        )
    if claim.requested > disk_bytes:
        asked = claim.obj["spec"]["resources"]["requests"]["storage"]
        name = storage_class["metadata"]["name"]
        return f'Failed to provision volume with StorageClass "{name}": {too_large(asked, disk_bytes)}'
    return ""


def too_large(asked: str, disk_bytes: int) -> str:
    """Return why a claim cannot have as much as it asks for."""
    return f"the claim asks for {asked}, and the disk of this machine has {size_text(disk_bytes)}"


def size_text(count: int) -> str:
    """Return bytes in the largest binary unit of which there are some: ``252Gi``."""
    power = max(0, min((count.bit_length() - 1) // 10, len(_UNITS) - 1))
    return f"{count >> (10 * power)}{_UNITS[power]}"


def new_volume(claim: Claim, storage_class: JSON, folder: str) -> JSON:
    """Return the volume for a claim, in a folder of its own, bound to it already."""
    name = volume_name(claim)
    policy = storage_class.get("reclaimPolicy") or "Delete"
    metadata: JSON = {
        "name": name,
        "annotations": {BOUND_BY_CONTROLLER: "yes", PROVISIONED_BY: FOLDER_PROVISIONER},
    }
    if policy == "Delete":
        metadata["finalizers"] = [DELETION_FINALIZER]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": metadata,
        "spec": {
            "accessModes": list(claim.access_modes),
            "capacity": {"storage": claim.obj["spec"]["resources"]["requests"]["storage"]},
            "claimRef": claim_reference(claim.obj),
            "hostPath": {"path": f"{folder}/{name}", "type": "DirectoryOrCreate"},
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": claim.storage_class,
            "volumeMode": "Filesystem",
        },
    }
