"""Deletes what has lost its last owner: Deployment -> ReplicaSet -> Pod, Service -> EndpointSlice.

Pure. Deletion in the background is the rule; the finalizers ``orphan`` and ``foregroundDeletion`` of an owner that is
being deleted ask for the two other ways. Follows k8s.io/kubernetes ``pkg/controller/garbagecollector``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kubeapi.extensions.answers import NO_SERVERS, ExtensionAnswers, ExtensionFound, ExtensionObject
from kubeapi.kinds import KINDS, resource_for
from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.parts import list_at
from kubeapi.scheme import APISERVICES, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Requeue, Update, delete
from kubecontroller.listers import Listers, ObjectId
from kubecontroller.workload.ownership import without_owner

_PENDING_SECONDS, _LOOK_SECONDS = 0.1, 5.0
"""Pauses before extension API servers are asked for their answer, and asked again for an owner that is there."""
ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


class Dependent(NamedTuple):
    """An object that has an owner."""

    resource: Resource
    obj: JSON
    has_dependents: bool = False
    """Whether it is an owner itself: then it too goes after its dependents."""
    is_in_circle: bool = False
    """Whether one of its own dependents waits already: then no owner waits for it, as they may own each other."""


class Owner(NamedTuple):
    """What is known of the object of an owner reference; one of an unknown kind exists and waits for nothing."""

    is_absent: bool = False
    is_waiting: bool = False
    """Whether it is being deleted, after its dependents."""


def reconcile(
    resource: Resource, obj: JSON, owner_of: Callable[[JSON], Owner], dependents: Sequence[Dependent]
) -> list[Change]:
    """Return the writes that an object needs as an owner that is deleted, or as a dependent that has lost an owner.

    ``owner_of`` returns what is known of the object of an owner reference, of this object or of a dependent.
    """
    if is_terminating(obj):
        return _release(resource, obj, owner_of, dependents)
    references = list_at(obj, "metadata", "ownerReferences")
    absent = [each for each in references if owner_of(each).is_absent]
    if not absent:
        return []
    if len(absent) == len(references):
        return [delete(resource, obj)]
    kept = obj
    for each in absent:
        kept = without_owner(kept, each.get("uid", ""))
    return [Update(resource, kept)]


def _release(
    resource: Resource, owner: JSON, owner_of: Callable[[JSON], Owner], dependents: Sequence[Dependent]
) -> list[Change]:
    """Return the writes that the finalizers of an owner that is being deleted ask for."""
    finalizers = list_at(owner, "metadata", "finalizers")
    uid = owner["metadata"].get("uid", "")
    if ORPHAN in finalizers:
        releases: list[Change] = [Update(each.resource, without_owner(each.obj, uid)) for each in dependents]
        return [*releases, Update(resource, _without_finalizer(owner, ORPHAN))]
    if FOREGROUND not in finalizers:
        return []
    if any(_is_blocking(each.obj, uid) for each in dependents):
        going = (each for each in dependents if not is_terminating(each.obj))
        return [change for each in going for change in _let_go(each, uid, owner_of)]
    return [Update(resource, _without_finalizer(owner, FOREGROUND))]


def _let_go(dependent: Dependent, uid: str, owner_of: Callable[[JSON], Owner]) -> list[Change]:
    """Return the deletion of a dependent, or, if it has another owner that stays, its parting from this one."""
    others = [each for each in list_at(dependent.obj, "metadata", "ownerReferences") if each.get("uid") != uid]
    if any(owner_of(each) == Owner() for each in others):
        return [Update(dependent.resource, without_owner(dependent.obj, uid))]
    gone = delete(dependent.resource, dependent.obj)
    if not dependent.has_dependents:
        return [gone]
    waiting = _with_foreground(_unblocked(dependent.obj) if dependent.is_in_circle else dependent.obj)
    return [Update(dependent.resource, waiting), gone]


def _unblocked(obj: JSON) -> JSON:
    """Return an object whose owners do not wait for it (unblockOwnerReferencesStrategicMergePatch)."""
    references = [{**each, "blockOwnerDeletion": False} for each in list_at(obj, "metadata", "ownerReferences")]
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": references}}


def _with_foreground(obj: JSON) -> JSON:
    finalizers = [*list_at(obj, "metadata", "finalizers"), FOREGROUND]
    return {**obj, "metadata": {**obj["metadata"], "finalizers": list(dict.fromkeys(finalizers))}}


def _is_blocking(dependent: JSON, uid: str) -> bool:
    references = list_at(dependent, "metadata", "ownerReferences")
    return any(each.get("uid") == uid and each.get("blockOwnerDeletion") for each in references)


def _is_waiting(obj: JSON) -> bool:
    """Tell whether an object is being deleted, after its dependents."""
    return is_terminating(obj) and FOREGROUND in list_at(obj, "metadata", "finalizers")


def _without_finalizer(obj: JSON, finalizer: str) -> JSON:
    kept = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
    return {**obj, "metadata": {**obj["metadata"], "finalizers": kept}}


class GarbageCollector:
    """Reconciles the dependents of deleted objects, and owners that are deleted in the foreground or orphan theirs."""

    name = "garbage-collector-controller"
    resource = None
    watches = tuple(each.resource for each in KINDS if not each.is_record)

    def __init__(self, listers: Listers, servers: ExtensionAnswers = NO_SERVERS) -> None:
        self._listers = listers
        self._servers = servers
        self._unserved: set[ObjectId] = set()
        """Objects with owners of unknown kinds."""

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectId]:
        """Return the objects to look at after a change."""
        if resource == APISERVICES and self._unserved:
            return [*self._changed(resource, delta), *self._unserved]
        return self._changed(resource, delta)

    def _changed(self, resource: Resource, delta: Delta) -> Iterable[ObjectId]:
        own = ObjectId(resource, delta.key)
        if delta.new is None:
            gone = delta.old or {"metadata": {}}
            dependents = self._listers.dependents.having(gone["metadata"].get("uid", ""))
            return [*dependents, *self._waiting_owners(gone, delta.key.namespace)]
        if is_terminating(delta.new):
            return [own] if delta.new["metadata"].get("finalizers") else []
        references = delta.new["metadata"].get("ownerReferences")
        before = references if delta.old is None else delta.old["metadata"].get("ownerReferences")
        if before != references and delta.old is not None:
            waiting = self._waiting_owners(delta.old, delta.key.namespace)
            return [own, *waiting] if references else waiting
        return [own] if references and delta.old is None else []

    def _waiting_owners(self, gone: JSON, namespace: str) -> list[ObjectId]:
        """Return the owners that wait for the deletion of their dependents."""
        owner_ids = [self._owner_id(each, namespace) for each in list_at(gone, "metadata", "ownerReferences")]
        find = self._listers.store.find
        return [each for each in owner_ids if each and (owner := find(*each)) and is_terminating(owner)]

    def reconcile(self, key: ObjectId, now: float) -> list[Change]:
        """Return the changes that an object needs."""
        obj = self._listers.store.find(*key)
        self._unserved.discard(key)
        if obj is None:
            return []
        asked: list[ExtensionFound | None] = []
        dependents = self._dependents(obj) if is_terminating(obj) else []
        changes = reconcile(key.resource, obj, lambda each: self._owner(key.key.namespace, each, asked), dependents)
        found = [each for each in asked if each is not None]
        if len(found) < len(asked):
            return [Requeue(_PENDING_SECONDS)]
        if any(not each.is_served for each in found):
            self._unserved.add(key)
        if not any(each.is_served for each in found):
            return changes
        # Nothing tells of the end of such an owner; while one is not known of, nothing is done.
        is_known = all(each.is_known for each in found)
        return [*(changes if is_known else ()), Requeue(_LOOK_SECONDS)]

    def _dependents(self, owner: JSON) -> list[Dependent]:
        found = ((each, self._listers.store.find(*each)) for each in self._owned_by(owner))
        return [self._dependent(each.resource, obj) for each, obj in found if obj is not None]

    def _dependent(self, resource: Resource, obj: JSON) -> Dependent:
        own = [self._listers.store.find(*each) for each in self._owned_by(obj)]
        return Dependent(resource, obj, bool(own), any(_is_waiting(each) for each in own if each is not None))

    def _owned_by(self, owner: JSON) -> Iterable[ObjectId]:
        return self._listers.dependents.having(owner["metadata"].get("uid", ""))

    def _owner(self, namespace: str, reference: JSON, asked: list[ExtensionFound | None]) -> Owner:
        """Return what is known of an owner; what servers say of one is added to ``asked``."""
        owner_id = self._owner_id(reference, namespace)
        if owner_id is None:
            named = reference.get("apiVersion", ""), reference.get("kind", "")
            found = self._servers.find(ExtensionObject(*named, ObjectKey(namespace, reference.get("name", ""))))
            asked.append(found)
            if found is None or not found.is_known:
                return Owner()
            owner = found.obj
        else:
            owner = self._listers.store.find(*owner_id)
        if owner is None or owner["metadata"].get("uid", "") != reference.get("uid", ""):
            return Owner(is_absent=True)
        return Owner(is_waiting=_is_waiting(owner))

    def _owner_id(self, reference: JSON, namespace: str) -> ObjectId | None:
        named = reference.get("apiVersion", ""), reference.get("kind", "")
        resource = resource_for(*named) or self._listers.customs.of_kind(*named)
        if resource is None:
            return None
        return ObjectId(resource, ObjectKey(namespace if resource.namespaced else "", reference.get("name", "")))
