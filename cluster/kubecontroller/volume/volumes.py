"""PersistentVolumes: free, bound, or given back after the end of their claim, which may delete them.

Pure. Follows the volume's half of k8s.io/kubernetes ``pkg/controller/volume/persistentvolume/pv_controller.go``
(syncVolume, reclaimVolume) and ``pkg/controller/volume/pvprotection``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.claim import Claim, read_claim
from kubeapi.objects.parts import list_at
from kubeapi.objects.persistentvolume import PersistentVolume, read_volume
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import WARNING, Change, Outcome, RecordEvent, RemoveFolder, Update, delete
from kubecontroller.listers import Listers
from kubecontroller.volume.binding import unbind, with_phase
from kubecontroller.volume.folders import DELETION_FINALIZER, VolumeFolders

PROTECTION = "kubernetes.io/pv-protection"


def reconcile(obj: JSON, claim_obj: JSON | None, folders: VolumeFolders, now: float) -> list[Change]:
    """Return the next step of a volume; ``claim_obj`` is the claim that its claimRef names, None if there is none."""
    volume = read_volume(obj)
    reference = volume.claim_reference
    if volume.is_terminating and volume.phase != "Bound" and PROTECTION in list_at(obj, "metadata", "finalizers"):
        return [Update(PERSISTENTVOLUMES, _without(obj, PROTECTION))]
    if reference is None or not reference.get("uid"):
        return with_phase(volume, "Available", now)
    if claim_obj is None or claim_obj["metadata"]["uid"] != reference["uid"]:
        return _give_back(volume, folders, now)
    return _keep(volume, read_claim(claim_obj), folders, now)


def _keep(volume: PersistentVolume, claim: Claim, folders: VolumeFolders, now: float) -> list[Change]:
    """Keep a volume with its claim, which may have another one."""
    if claim.volume_name == volume.name:
        return with_phase(volume, "Bound", now)
    if not claim.volume_name:
        return _misfits(volume, claim)
    if volume.provisioner and volume.reclaim_policy == "Delete":
        return _give_back(volume, folders, now)
    return unbind(volume, now)


def _misfits(volume: PersistentVolume, claim: Claim) -> list[Change]:
    """Tell of a volume that is kept for a claim that cannot have it; else the claim's own reconcile binds both."""
    if volume.volume_mode == claim.volume_mode:
        return []
    why = "due to incompatible volumeMode."
    texts = (
        (volume.obj, f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{claim.key.name}" {why}'),
        (claim.obj, f'Cannot bind PersistentVolume "{volume.name}" to requested PersistentVolumeClaim {why}'),
    )
    return [RecordEvent(about, WARNING, "VolumeMismatch", text) for about, text in texts]


def _give_back(volume: PersistentVolume, folders: VolumeFolders, now: float) -> list[Change]:
    """Do what the reclaim policy says, as the claim is gone; a volume that has failed stays so for all to see."""
    released = [] if volume.phase == "Failed" else with_phase(volume, "Released", now)
    return released if volume.reclaim_policy == "Retain" else [*released, *_reclaim(volume, folders, now)]


def _reclaim(volume: PersistentVolume, folders: VolumeFolders, now: float) -> list[Change]:
    """Return the writes that delete a volume with all that is in it, if the cluster has made it."""
    if volume.reclaim_policy == "Recycle":
        return _failed(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!", now)
    if folder := folders.of(volume):
        freed = _without(volume.obj, DELETION_FINALIZER)
        failure = Outcome(volume.obj, "VolumeFailedDelete", "{error}")
        removal = delete(PERSISTENTVOLUMES, volume.obj)
        return [RemoveFolder(folder, failure), Update(PERSISTENTVOLUMES, freed), removal]
    if volume.provisioner and not volume.provisioner.startswith("kubernetes.io/"):
        return []  # its provisioner deletes it
    text = f'error getting deleter volume plugin for volume "{volume.name}": no deletable volume plugin matched'
    return _failed(volume, "VolumeFailedDelete", text, now)


def _failed(volume: PersistentVolume, reason: str, text: str, now: float) -> list[Change]:
    if volume.phase == "Failed":
        return []
    return [*with_phase(volume, "Failed", now, text), RecordEvent(volume.obj, WARNING, reason, text)]


def _without(obj: JSON, finalizer: str) -> JSON:
    kept = [each for each in list_at(obj, "metadata", "finalizers") if each != finalizer]
    return {**obj, "metadata": {**obj["metadata"], "finalizers": kept}}


class VolumeController:
    """Runs ``reconcile`` for the volumes that a change concerns."""

    name = "persistentvolume-binder"
    resource = PERSISTENTVOLUMES
    watches = (PERSISTENTVOLUMES, PERSISTENTVOLUMECLAIMS)

    def __init__(self, listers: Listers, folders: VolumeFolders) -> None:
        self._listers = listers
        self._folders = folders

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the volumes to reconcile after a change: of a claim, those that are bound to it."""
        if resource is PERSISTENTVOLUMES:
            return [delta.key]
        return self._listers.bound_volumes.having(delta.key)

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        volume = store.find(PERSISTENTVOLUMES, key)
        if volume is None:
            return []
        reference = read_volume(volume).claim_reference
        claim = None
        if reference is not None:
            claim = store.find(
                PERSISTENTVOLUMECLAIMS, ObjectKey(reference.get("namespace") or "", reference.get("name") or "")
            )
        return reconcile(volume, claim, self._folders, now)
