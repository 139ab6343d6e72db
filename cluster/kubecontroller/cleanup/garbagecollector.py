"""Deletes what has lost its last owner: Deployment -> ReplicaSet -> Pod, Service -> EndpointSlice.

Pure. Deletion in the background is the rule; the finalizers ``orphan`` and ``foregroundDeletion`` of an owner that is
being deleted ask for the two other ways. Follows k8s.io/kubernetes ``pkg/controller/garbagecollector``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kubeapi.kinds import KINDS, resource_for
from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.parts import list_at
from kubeapi.scheme import Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Update, delete
from kubecontroller.listers import Listers, ObjectId
from kubecontroller.workload.ownership import without_owner

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


class Dependent(NamedTuple):
    """An object that has an owner."""

    resource: Resource
    obj: JSON


def reconcile(
    resource: Resource, obj: JSON, is_absent: Callable[[JSON], bool], dependents: Sequence[Dependent]
) -> list[Change]:
    """Return the writes that an object needs as an owner that is deleted, or as a dependent that has lost an owner.

    ``is_absent`` tells whether the object of an owner reference no longer exists.
    """
    if is_terminating(obj):
        return _release(resource, obj, dependents)
    references = list_at(obj, "metadata", "ownerReferences")
    absent = [each for each in references if is_absent(each)]
    if not absent:
        return []
    if len(absent) == len(references):
        return [delete(resource, obj)]
    kept = obj
    for each in absent:
        kept = without_owner(kept, each.get("uid", ""))
    return [Update(resource, kept)]


def _release(resource: Resource, owner: JSON, dependents: Sequence[Dependent]) -> list[Change]:
    """Return the writes that the finalizers of an owner that is being deleted ask for."""
    finalizers = list_at(owner, "metadata", "finalizers")
    uid = owner["metadata"].get("uid", "")
    if ORPHAN in finalizers:
        releases: list[Change] = [Update(each.resource, without_owner(each.obj, uid)) for each in dependents]
        return [*releases, Update(resource, _without_finalizer(owner, ORPHAN))]
    if FOREGROUND not in finalizers:
        return []
    if any(_is_blocking(each.obj, uid) for each in dependents):
        return [delete(each.resource, each.obj) for each in dependents if not is_terminating(each.obj)]
    return [Update(resource, _without_finalizer(owner, FOREGROUND))]


def _is_blocking(dependent: JSON, uid: str) -> bool:
    references = list_at(dependent, "metadata", "ownerReferences")
    return any(each.get("uid") == uid and each.get("blockOwnerDeletion") for each in references)


def _without_finalizer(obj: JSON, finalizer: str) -> JSON:
    kept = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
    return {**obj, "metadata": {**obj["metadata"], "finalizers": kept}}


class GarbageCollector:
    """Reconciles the dependents of deleted objects, and owners that are deleted in the foreground or orphan theirs."""

    name = "garbage-collector-controller"
    resource = None
    watches = tuple(each.resource for each in KINDS if not each.is_record)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectId]:
        """Return the objects to look at after a change."""
        own = ObjectId(resource, delta.key)
        if delta.new is None:
            gone = delta.old or {"metadata": {}}
            dependents = self._listers.dependents.having(gone["metadata"].get("uid", ""))
            return [*dependents, *self._waiting_owners(gone, delta.key.namespace)]
        if is_terminating(delta.new):
            return [own] if delta.new["metadata"].get("finalizers") else []
        references = delta.new["metadata"].get("ownerReferences")
        is_known = delta.old is not None and delta.old["metadata"].get("ownerReferences") == references
        return [own] if references and not is_known else []

    def _waiting_owners(self, gone: JSON, namespace: str) -> list[ObjectId]:
        """Return the owners that wait for the deletion of their dependents."""
        owner_ids = [self._owner_id(each, namespace) for each in list_at(gone, "metadata", "ownerReferences")]
        find = self._listers.store.find
        return [each for each in owner_ids if each and (owner := find(*each)) and is_terminating(owner)]

    def reconcile(self, key: ObjectId, now: float) -> list[Change]:
        """Return the changes that an object needs."""
        obj = self._listers.store.find(*key)
        if obj is None:
            return []
        namespace = key.key.namespace
        dependents = self._dependents(obj) if is_terminating(obj) else []
        return reconcile(key.resource, obj, lambda each: self._is_absent(namespace, each), dependents)

    def _dependents(self, owner: JSON) -> list[Dependent]:
        ids = self._listers.dependents.having(owner["metadata"].get("uid", ""))
        find = self._listers.store.find
        return [Dependent(each.resource, found) for each in ids if (found := find(*each)) is not None]

    def _is_absent(self, namespace: str, reference: JSON) -> bool:
        """Tell whether an owner is gone; False for an unknown kind."""
        owner_id = self._owner_id(reference, namespace)
        if owner_id is None:
            return False
        owner = self._listers.store.find(*owner_id)
        return owner is None or owner["metadata"].get("uid", "") != reference.get("uid", "")

    def _owner_id(self, reference: JSON, namespace: str) -> ObjectId | None:
        named = reference.get("apiVersion", ""), reference.get("kind", "")
        resource = resource_for(*named) or self._listers.customs.of_kind(*named)
        if resource is None:
            return None
        return ObjectId(resource, ObjectKey(namespace if resource.namespaced else "", reference.get("name", "")))
