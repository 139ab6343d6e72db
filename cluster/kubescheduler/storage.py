"""What a pod's claims say of where it may run: nowhere while one has no volume, else where its volumes can be reached.

Claims of classes with WaitForFirstConsumer get their volumes for the node that is chosen. Pure; texts and rules are
those of k8s.io/kubernetes ``pkg/scheduler/framework/plugins`` (volumebinding, volumerestrictions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, annotations_of
from kubeapi.objects.claim import (
    BOUND_BY_CONTROLLER,
    READ_WRITE_ONCE_POD,
    SELECTED_NODE,
    Claim,
    PodClaim,
    claims_of,
    is_made_for,
    read_claim,
    waits_for_consumer,
)
from kubeapi.objects.persistentvolume import PersistentVolume, Search, find_volume, read_volume
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES, Resource
from kubescheduler.refusal import Refusal, final, resolvable

WAITING = "waiting for the PersistentVolumeClaims of the pod"
"""Of a pod that has a node in view, for which its volumes are being made."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"
WATCHED = (PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, STORAGECLASSES)
"""What may let a pod run that waits for its storage."""

_UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
_NO_VOLUME = "node(s) didn't find available persistent volumes to bind"
_OTHER_NODE = "node(s) didn't match PersistentVolume's node affinity"
_GONE = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
_IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
)


class Objects(NamedTuple):
    """The stored objects: ``find`` returns one by its key, ``list`` those of a namespace, "" for all."""

    find: Callable[[Resource, ObjectKey], JSON | None]
    list: Callable[[Resource, str], Iterable[JSON]]


class PodStorage:
    """The claims of one pod. ``refusal`` says why no node may run it now, "" if some may."""

    def __init__(self, pod: JSON, claims: list[PodClaim], objects: Objects) -> None:
        self._pod = pod
        self._objects = objects
        self._bound: list[Claim] = []
        self._delayed: list[Claim] = []
        self.refusal = self._sort(claims)

    def _sort(self, claims: list[PodClaim]) -> str:
        """Tell bound claims from those that wait for a node; return why neither would help."""
        has_unbound = False
        for each in claims:
            key = ObjectKey(self._pod["metadata"]["namespace"], each.name)
            obj = self._objects.find(PERSISTENTVOLUMECLAIMS, key)
            if obj is None or (why := _unusable(read_claim(obj), self._pod, each)):
                return _missing(each) if obj is None else why
            claim = read_claim(obj)
            storage_class = self._objects.find(STORAGECLASSES, ObjectKey("", claim.storage_class))
            if claim.is_bound:
                self._bound.append(claim)
            elif waits_for_consumer(storage_class) and not claim.volume_name:
                self._delayed.append(claim)
            else:
                has_unbound = True
        return _UNBOUND if has_unbound else ""

    def refusal_of(self, node: JSON, others: Iterable[JSON]) -> Refusal | None:
        """Return why the pod's storage keeps it from a node, None if it does not; ``others`` are all assigned pods."""
        if self._is_in_use(others):
            return resolvable(_IN_USE)
        for claim in self._bound:
            found = self._objects.find(PERSISTENTVOLUMES, ObjectKey("", claim.volume_name))
            if found is None:
                return final(_GONE)
            if not read_volume(found).fits_node(node):
                return final(_OTHER_NODE)
        return final(_NO_VOLUME) if any(not self._can_get(claim, node) for claim in self._delayed) else None

    def _is_in_use(self, others: Iterable[JSON]) -> bool:
        """Tell whether another pod has a claim that only one may have."""
        claims = [each for each in (*self._bound, *self._delayed) if READ_WRITE_ONCE_POD in each.access_modes]
        if not claims:
            return False
        own, wanted = self._pod["metadata"].get("uid"), {each.key for each in claims}
        return any(
            ObjectKey(each["metadata"]["namespace"], mine.name) in wanted
            for each in others
            if each["metadata"].get("uid") != own
            for mine in claims_of(each)
        )

    def _can_get(self, claim: Claim, node: JSON) -> bool:
        return self._find(claim, node) is not None or self._is_provisioned(claim)

    def _find(self, claim: Claim, node: JSON) -> PersistentVolume | None:
        return find_volume(claim.obj, self._objects.list(PERSISTENTVOLUMES, ""), Search(node, waits=True))

    def _is_provisioned(self, claim: Claim) -> bool:
        found = self._objects.find(STORAGECLASSES, ObjectKey("", claim.storage_class))
        return found is not None and found["provisioner"] != NO_PROVISIONER

    @property
    def is_being_made(self) -> bool:
        """Whether nothing but volumes is missing, which are found or made without regard to nodes."""
        return self.refusal == _UNBOUND

    @property
    def is_complete(self) -> bool:
        """Whether all claims have their volumes, so that the pod can get its node."""
        return not self._delayed

    def reservations(self, node: JSON) -> list[tuple[Resource, JSON]]:
        """Return the objects to write so that the claims without volumes get theirs for a node."""
        writes: list[tuple[Resource, JSON]] = []
        for claim in self._delayed:
            volume = self._find(claim, node)
            if volume is not None:
                if not volume.is_for(claim):
                    writes.append((PERSISTENTVOLUMES, _kept_for(volume.obj, claim)))
            elif claim.selected_node != node["metadata"]["name"]:
                marked = _annotated(claim.obj, SELECTED_NODE, node["metadata"]["name"])
                writes.append((PERSISTENTVOLUMECLAIMS, marked))
        return writes


def pod_storage(pod: JSON, objects: Objects) -> PodStorage | None:
    """Return the storage of a pod, None if it has no claims."""
    claims = claims_of(pod)
    return PodStorage(pod, claims, objects) if claims else None


def _missing(claim: PodClaim) -> str:
    if claim.is_ephemeral:
        return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{claim.name}"'
    return f'persistentvolumeclaim "{claim.name}" not found'


def _unusable(claim: Claim, pod: JSON, source: PodClaim) -> str:
    name = claim.key.name
    if claim.phase == "Lost":
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim.volume_name}"'
    if claim.is_terminating:
        return f'persistentvolumeclaim "{name}" is being deleted'
    if source.is_ephemeral and not is_made_for(pod, claim.obj):
        return f"PVC {claim.key} was not created for pod {read_pod(pod).key} (pod is not owner)"
    return ""


def _kept_for(volume: JSON, claim: Claim) -> JSON:
    metadata = claim.obj["metadata"]
    reference = {
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
        "resourceVersion": metadata["resourceVersion"],
    }
    return _annotated({**volume, "spec": {**volume["spec"], "claimRef": reference}}, BOUND_BY_CONTROLLER, "yes")


def _annotated(obj: JSON, name: str, text: str) -> JSON:
    annotations = {**annotations_of(obj), name: text}
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}
