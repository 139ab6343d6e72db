"""PersistentVolumeClaims: each gets a volume that suits it, or one that is made for it.

Pure. Follows the claim's half of k8s.io/kubernetes ``pkg/controller/volume/persistentvolume/pv_controller.go``
(syncUnboundClaim, syncBoundClaim, provisionClaim), with its events, and ``pkg/controller/volume/expand``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, annotations_of, key_of
from kubeapi.objects.claim import (
    BIND_COMPLETED,
    FOLDER_PROVISIONER,
    Claim,
    default_class,
    read_claim,
    waits_for_consumer,
)
from kubeapi.objects.parts import status_of
from kubeapi.objects.persistentvolume import PersistentVolume, Search, find_volume, mismatch, read_volume
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import NORMAL, WARNING, Change, Create, Outcome, RecordEvent, Update, UpdateStatus
from kubecontroller.listers import Listers
from kubecontroller.volume.binding import annotated, bind
from kubecontroller.volume.expansion import expand
from kubecontroller.volume.folders import VolumeFolders, new_volume, refusal, volume_name
from kubehost.errortexts import errno_text

PROVISIONER_ANNOTATIONS = (
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
)


class Surroundings(NamedTuple):
    """What a claim's reconcile looks at.

    ``volumes`` are those that are free or bound to the claim, ``pods`` those that use it; ``find_volume`` and
    ``find_class`` return an object of a name.
    """

    volumes: Iterable[JSON]
    classes: Sequence[JSON]
    pods: Sequence[JSON]
    find_volume: Callable[[str], JSON | None]
    find_class: Callable[[str], JSON | None]
    folders: VolumeFolders


def reconcile(obj: JSON, around: Surroundings, now: float) -> list[Change]:
    """Return the next step of a claim towards its volume."""
    claim = read_claim(obj)
    if BIND_COMPLETED in annotations_of(obj):
        return _keep(claim, around, now)
    return _take_named(claim, around, now) if claim.volume_name else _take_any(claim, around, now)


def _take_any(claim: Claim, around: Surroundings, now: float) -> list[Change]:
    """Bind a claim to a volume that suits it, or have one made; else say what it waits for."""
    obj = claim.obj
    storage_class = around.find_class(claim.storage_class) if claim.storage_class else None
    waits = waits_for_consumer(storage_class)
    found = find_volume(obj, around.volumes, Search(None, waits))
    if found is not None:
        return bind(claim, found, now)
    if not claim.has_class and (default := default_class(around.classes)) is not None:
        named = {**obj, "spec": {**obj["spec"], "storageClassName": default["metadata"]["name"]}}
        return [Update(PERSISTENTVOLUMECLAIMS, named)]
    if waits and not claim.selected_node:
        return [_waiting(claim, around.pods), *_pending(claim)]
    if claim.storage_class:
        return _provision(claim, storage_class, around)
    text = "no persistent volumes available for this claim and no storage class is set"
    return [RecordEvent(obj, NORMAL, "FailedBinding", text), *_pending(claim)]


def _take_named(claim: Claim, around: Surroundings, now: float) -> list[Change]:
    """Bind a claim to the volume that it names, if that can be."""
    found = around.find_volume(claim.volume_name)
    if found is None:
        return _pending(claim)
    volume = read_volume(found)
    if volume.claim_reference is None:
        if why := mismatch(claim, volume):
            text = f'Cannot bind to requested volume "{volume.name}": {why}'
            return [RecordEvent(claim.obj, WARNING, "VolumeMismatch", text), *_pending(claim)]
    elif not volume.is_for(claim):
        text = f'volume "{volume.name}" already bound to a different claim.'
        return [RecordEvent(claim.obj, WARNING, "FailedBinding", text), *_pending(claim)]
    return bind(claim, volume, now)


def _keep(claim: Claim, around: Surroundings, now: float) -> list[Change]:
    """Keep a claim that was bound with its volume; one without is lost."""
    if not claim.volume_name:
        text = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return _lost(claim, "ClaimLost", text)
    found = around.find_volume(claim.volume_name)
    if found is None:
        return _lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    volume = read_volume(found)
    reference = volume.claim_reference
    if reference is None or reference.get("uid") == claim.obj["metadata"]["uid"]:
        return [*bind(claim, volume, now), *expand(claim, volume, around.folders)]
    text = "Two claims are bound to the same volume, this one is bound incorrectly"
    return _lost(claim, "ClaimMisbound", text)


def _lost(claim: Claim, reason: str, text: str) -> list[Change]:
    if claim.phase == "Lost":
        return []
    return [*_with_phase(claim, "Lost"), RecordEvent(claim.obj, WARNING, reason, text)]


def _pending(claim: Claim) -> list[Change]:
    return _with_phase(claim, "Pending")


def _with_phase(claim: Claim, phase: str) -> list[Change]:
    """Return the write of the phase of a claim without a volume, if its status is another one."""
    before = status_of(claim.obj)
    without = ("accessModes", "capacity", "currentVolumeAttributesClassName")
    status = {name: value for name, value in before.items() if name not in without} | {"phase": phase}
    if status == before:
        return []
    return [UpdateStatus(PERSISTENTVOLUMECLAIMS, {**claim.obj, "status": status})]


def _waiting(claim: Claim, pods: Sequence[JSON]) -> RecordEvent:
    names = sorted(each["metadata"]["name"] for each in pods if not read_pod(each).node_name)
    if not names:
        text = "waiting for first consumer to be created before binding"
        return RecordEvent(claim.obj, NORMAL, "WaitForFirstConsumer", text)
    subject = f"pods {','.join(names)}" if len(names) > 1 else f"pod {names[0]}"
    return RecordEvent(claim.obj, NORMAL, "WaitForPodScheduled", f"waiting for {subject} to be scheduled")


def _provision(claim: Claim, storage_class: JSON | None, around: Surroundings) -> list[Change]:
    """Make a volume for a claim, or ask the provisioner of its class for one."""
    obj = claim.obj
    if storage_class is None:
        text = f'storageclass.storage.k8s.io "{claim.storage_class}" not found'
        return [RecordEvent(obj, WARNING, "ProvisioningFailed", text), *_pending(claim)]
    provisioner: str = storage_class["provisioner"]
    marks = dict.fromkeys(PROVISIONER_ANNOTATIONS, provisioner)
    changes: list[Change] = []
    if not marks.items() <= annotations_of(obj).items():
        changes.append(Update(PERSISTENTVOLUMECLAIMS, annotated(obj, marks)))
    if provisioner == FOLDER_PROVISIONER and around.folders.path:
        return [*changes, *_make_volume(claim, storage_class, around)]
    if provisioner.startswith("kubernetes.io/"):
        text = f"no volume plugin matched name: {provisioner}"
        return [RecordEvent(obj, WARNING, "ProvisioningFailed", text), *_pending(claim)]
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    return [*changes, RecordEvent(obj, NORMAL, "ExternalProvisioning", text), *_pending(claim)]


def _make_volume(claim: Claim, storage_class: JSON, around: Surroundings) -> list[Change]:
    name = volume_name(claim)
    if around.find_volume(name) is not None:
        return []  # its own event binds it
    try:
        why = refusal(claim, storage_class, around.folders.disk_bytes())
    except OSError as error:
        kind = storage_class["metadata"]["name"]
        text = f"{around.folders.path}: {errno_text(error)}"
        why = f'Failed to provision volume with StorageClass "{kind}": {text}'
    if why:
        return [RecordEvent(claim.obj, WARNING, "ProvisioningFailed", why), *_pending(claim)]
    volume = new_volume(claim, storage_class, around.folders.path)
    done = f"Successfully provisioned volume {name} using {FOLDER_PROVISIONER}"
    failed = f"Error creating provisioned PV object for claim {claim.key}: {{error}}. Deleting the volume."
    outcome = Outcome(claim.obj, "ProvisioningFailed", failed, "ProvisioningSucceeded", done)
    return [Create(PERSISTENTVOLUMES, volume, outcome)]


class ClaimController:
    """Runs ``reconcile`` for the claims that a change concerns."""

    name = "persistentvolume-controller"
    resource = PERSISTENTVOLUMECLAIMS
    watches = (PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES)

    def __init__(self, listers: Listers, folders: VolumeFolders) -> None:
        self._listers = listers
        self._folders = folders

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the claims to reconcile after a change: those without a volume, if one is free or a class is new."""
        if resource is PERSISTENTVOLUMECLAIMS:
            return [] if delta.new is None else [delta.key]
        keys: list[ObjectKey] = []
        if resource is PERSISTENTVOLUMES:
            volumes = [read_volume(each) for each in (delta.old, delta.new) if each is not None]
            references = [each.claim_reference for each in volumes]
            keys = [ObjectKey(each.get("namespace") or "", each.get("name") or "") for each in references if each]
            if delta.new is None or not _is_free(volumes[-1]):
                return [each for each in dict.fromkeys(keys) if self._find(each)]
        found = self._listers.store.list(PERSISTENTVOLUMECLAIMS)
        return dict.fromkeys([*keys, *(key_of(each) for each in found if read_claim(each).phase == "Pending")])

    def _find(self, key: ObjectKey) -> JSON | None:
        return self._listers.store.find(PERSISTENTVOLUMECLAIMS, key)

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        obj, store = self._find(key), self._listers.store
        if obj is None:
            return []
        around = Surroundings(
            volumes=self._listers.volumes_for(key),
            classes=store.list(STORAGECLASSES),
            pods=self._listers.pods_with_claim(key),
            find_volume=lambda name: store.find(PERSISTENTVOLUMES, ObjectKey("", name)),
            find_class=lambda name: store.find(STORAGECLASSES, ObjectKey("", name)),
            folders=self._folders,
        )
        return reconcile(obj, around, now)


def _is_free(volume: PersistentVolume) -> bool:
    return volume.claim_reference is None and volume.phase == "Available"
