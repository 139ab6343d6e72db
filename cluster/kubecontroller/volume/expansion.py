"""A bound claim that asks for more: its volume and its status follow at once, as a folder needs no resizing. Pure.

Follows k8s.io/kubernetes ``pkg/controller/volume/expand`` and ``pkg/volume/util/operationexecutor`` (its events).
"""

from __future__ import annotations

from kubeapi.objects.claim import Claim
from kubeapi.objects.parts import status_of
from kubeapi.objects.persistentvolume import PersistentVolume
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent, Update, UpdateStatus
from kubecontroller.volume.folders import VolumeFolders, too_large
from kubehost.errortexts import errno_text


def expand(claim: Claim, volume: PersistentVolume, folders: VolumeFolders) -> list[Change]:
    """Return the writes that make a claim's volume as large as the claim asks for, if the disk is."""
    if claim.requested <= claim.capacity or claim.phase != "Bound" or not folders.of(volume):
        return []
    asked = claim.obj["spec"]["resources"]["requests"]["storage"]
    try:
        disk_bytes = folders.disk_bytes()
    except OSError as error:
        return [_failed(claim, volume, f"{folders.path}: {errno_text(error)}")]
    if claim.requested > disk_bytes:
        return [_failed(claim, volume, too_large(asked, disk_bytes))]
    changes: list[Change] = []
    if volume.capacity < claim.requested:
        spec = {**volume.obj["spec"], "capacity": {"storage": asked}}
        changes.append(Update(PERSISTENTVOLUMES, {**volume.obj, "spec": spec}))
    status = {**status_of(claim.obj), "capacity": {"storage": asked}}
    text = f"ExpandVolume succeeded for volume {claim.key}"
    return [
        *changes,
        UpdateStatus(PERSISTENTVOLUMECLAIMS, {**claim.obj, "status": status}),
        RecordEvent(claim.obj, NORMAL, "VolumeResizeSuccessful", text),
    ]


def _failed(claim: Claim, volume: PersistentVolume, why: str) -> RecordEvent:
    text = f'error expanding volume "{claim.key}" of plugin "{volume.provisioner}": {why}'
    return RecordEvent(claim.obj, WARNING, "VolumeResizeFailed", text)
