"""A claim and a volume belong to each other: the writes on both that say so, and those that take it back. Pure.

Follows k8s.io/kubernetes ``pkg/controller/volume/persistentvolume/pv_controller.go`` (bind, unbindVolume).
"""

from __future__ import annotations

from kubeapi.meta import JSON, annotations_of, format_time
from kubeapi.objects.claim import BIND_COMPLETED, BOUND_BY_CONTROLLER, Claim
from kubeapi.objects.parts import map_at, status_of
from kubeapi.objects.persistentvolume import PersistentVolume
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from kubecontroller.change import Change, Update, UpdateStatus


def bind(claim: Claim, volume: PersistentVolume, now: float) -> list[Change]:
    """Return the writes that a claim and its volume still need to be bound; the volume's come first."""
    changes: list[Change] = []
    reference = claim_reference(claim.obj)
    volume_obj = volume.obj
    if map_at(volume_obj, "spec", "claimRef").get("uid") != reference["uid"]:
        bound = {**volume_obj, "spec": {**volume_obj["spec"], "claimRef": reference}}
        if not volume.is_for(claim):
            bound = annotated(bound, {BOUND_BY_CONTROLLER: "yes"})
        changes.append(Update(PERSISTENTVOLUMES, bound))
    changes += with_phase(volume, "Bound", now)
    changes += _bind_claim(claim, volume)
    return changes


def _bind_claim(claim: Claim, volume: PersistentVolume) -> list[Change]:
    changes: list[Change] = []
    marks = {}
    bound = claim.obj
    if claim.volume_name != volume.name:
        bound = {**bound, "spec": {**bound["spec"], "volumeName": volume.name}}
        marks[BOUND_BY_CONTROLLER] = "yes"
    if BIND_COMPLETED not in annotations_of(bound):
        marks[BIND_COMPLETED] = "yes"
    if marks:
        changes.append(Update(PERSISTENTVOLUMECLAIMS, annotated(bound, marks)))
    status = {**status_of(claim.obj), "phase": "Bound", "accessModes": list(volume.access_modes)}
    if claim.phase != "Bound":
        status["capacity"] = volume.obj["spec"]["capacity"]
    if status != status_of(claim.obj):
        changes.append(UpdateStatus(PERSISTENTVOLUMECLAIMS, {**claim.obj, "status": status}))
    return changes


def unbind(volume: PersistentVolume, now: float) -> list[Change]:
    """Return the writes that free a volume from a claim; one that a person bound stays kept for it."""
    obj = volume.obj
    if BOUND_BY_CONTROLLER in annotations_of(obj):
        spec = {name: value for name, value in obj["spec"].items() if name != "claimRef"}
        kept = {name: text for name, text in annotations_of(obj).items() if name != BOUND_BY_CONTROLLER}
        freed = {**obj, "metadata": {**obj["metadata"], "annotations": kept}, "spec": spec}
    else:
        reference = {name: value for name, value in obj["spec"]["claimRef"].items() if name != "uid"}
        freed = {**obj, "spec": {**obj["spec"], "claimRef": reference}}
    return [Update(PERSISTENTVOLUMES, freed), *with_phase(volume, "Available", now)]


def with_phase(volume: PersistentVolume, phase: str, now: float, message: str = "") -> list[Change]:
    """Return the write of a volume's phase, if it has another one."""
    if volume.phase == phase:
        return []
    status = {name: value for name, value in status_of(volume.obj).items() if name != "message"}
    status |= {"phase": phase, "lastPhaseTransitionTime": format_time(now)}
    if message:
        status["message"] = message
    return [UpdateStatus(PERSISTENTVOLUMES, {**volume.obj, "status": status})]


def annotated(obj: JSON, marks: dict[str, str]) -> JSON:
    """Return an object with more annotations."""
    annotations = {**annotations_of(obj), **marks}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def claim_reference(claim: JSON) -> JSON:
    """Return the reference to a claim that its volume has."""
    metadata = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
        "resourceVersion": metadata["resourceVersion"],
    }
