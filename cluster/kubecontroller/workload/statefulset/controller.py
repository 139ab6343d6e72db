"""StatefulSets: pods with a name, a host name and storage of their own, which they keep when they are replaced.

Pure: ``statefulsetstep`` decides which pods to create, keep and delete, ``statefulpods`` what belongs to an ordinal,
``claimretention`` what becomes of claims, ``controllerrevision`` tells the versions apart. Follows k8s.io/kubernetes
``pkg/controller/statefulset``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, controller_of, is_terminating, labels_of
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.statefulset import StatefulSet, read_stateful_set
from kubeapi.scheme import CONTROLLERREVISIONS, PERSISTENTVOLUMECLAIMS, PODS, STATEFULSETS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Create, Requeue, UpdateStatus, delete
from kubecontroller.listers import Listers
from kubecontroller.workload.controllerrevision import (
    REVISION_LABEL,
    data_hash,
    in_order,
    is_of_revision,
    new_revision,
    next_number,
    renumbered,
    revision_name,
    surplus,
    template_patch,
)
from kubecontroller.workload.ownership import claim
from kubecontroller.workload.statefulset.pods import has_claim_like, is_member
from kubecontroller.workload.statefulset.step import FindClaim, Revisions, StatefulSetStep

HASH_LABEL = "controller.kubernetes.io/hash"


class Surroundings(NamedTuple):
    """What a reconcile looks at: the pods and revisions that are the StatefulSet's or may become so.

    ``find_revision`` and ``find_claim`` return an object of a name in its namespace.
    """

    pods: Iterable[JSON]
    revisions: Iterable[JSON]
    find_revision: Callable[[str], JSON | None]
    find_claim: FindClaim


def reconcile(stateful_set: JSON, around: Surroundings, now: float) -> list[Change]:
    """Return the next step of a StatefulSet towards its template and size."""
    reading = read_stateful_set(stateful_set)
    members = [each for each in around.pods if controller_of(each) is not None or is_member(reading, each)]
    pods, adoptions = claim(stateful_set, PODS, members)
    known, changes = claim(stateful_set, CONTROLLERREVISIONS, around.revisions)
    history = in_order(known)
    collisions: int = status_of(stateful_set).get("collisionCount") or 0
    revisions, collisions, writes = _revisions(reading, history, around.find_revision, collisions)
    step = StatefulSetStep(stateful_set, pods, revisions, around.find_claim, now)
    if not is_terminating(stateful_set):
        step.advance()
    status = _status(step, pods, revisions, now) | {"collisionCount": collisions}
    changes += [*adoptions, *writes, *step.changes]
    if status != {name: value for name, value in status_of(stateful_set).items() if name != "conditions"}:
        kept = {"conditions": found} if (found := status_of(stateful_set).get("conditions")) else {}
        changes.append(UpdateStatus(STATEFULSETS, {**stateful_set, "status": {**status, **kept}}))
    changes += [delete(CONTROLLERREVISIONS, each) for each in _past_history(reading, history, revisions, pods)]
    return [*changes, *_next_look(reading, pods, now)]


def _revisions(
    stateful_set: StatefulSet, history: Sequence[JSON], find: Callable[[str], JSON | None], collisions: int
) -> tuple[Revisions, int, list[Change]]:
    """Return the revisions that count and the number of collisions so far, with the writes that this needs."""
    data = template_patch(stateful_set.obj)
    number = next_number(history)
    equal = [each for each in history if each.get("data") == data]
    writes: list[Change] = []
    if equal and equal[-1] is history[-1]:
        update = equal[-1]
    elif equal:
        update, writes = renumbered(equal[-1], number)
    else:
        update, collisions = _create(stateful_set, data, number, find, collisions)
        writes = [] if "uid" in update["metadata"] else [Create(CONTROLLERREVISIONS, update)]
    current = next((each for each in history if each["metadata"]["name"] == stateful_set.current_revision), update)
    return Revisions(current, update), collisions, writes


def _create(
    stateful_set: StatefulSet, data: JSON, number: int, find: Callable[[str], JSON | None], collisions: int
) -> tuple[JSON, int]:
    """Return a new revision with a name that is free, and the collisions so far; a stored one that is the same."""
    while True:
        hashed = data_hash(data, collisions)
        name = revision_name(stateful_set.obj, hashed)
        stored = find(name)
        if stored is None:
            return new_revision(stateful_set.obj, data, number, name, {HASH_LABEL: hashed}), collisions
        if stored.get("data") == data:
            return stored, collisions
        collisions += 1


def _past_history(
    stateful_set: StatefulSet, history: Sequence[JSON], revisions: Revisions, pods: Sequence[JSON]
) -> list[JSON]:
    """Return the oldest revisions that no pod is of and revisionHistoryLimit no longer keeps."""
    live = {*revisions.names, *(labels_of(each).get(REVISION_LABEL, "") for each in pods)}
    past = [each for each in history if each["metadata"]["name"] not in live]
    return surplus(past, stateful_set.revision_history_limit)


def _status(step: StatefulSetStep, pods: Sequence[JSON], revisions: Revisions, now: float) -> JSON:
    """Return the status without its conditions; an update that is complete makes its revision the current one."""
    stateful_set = step.stateful_set
    alive = [each for each in pods if not is_terminating(each)]
    ready = [each for each in pods if read_pod(each).phase == "Running" and read_pod(each).is_ready]
    seconds = stateful_set.min_ready_seconds
    current, update = revisions.names
    counts = {
        "readyReplicas": len(ready),
        "currentReplicas": sum(is_of_revision(each, current) for each in alive) - len(step.deleted),
        "updatedReplicas": sum(is_of_revision(each, update) for each in alive),
    }
    if counts["updatedReplicas"] == counts["readyReplicas"] == len(pods) == stateful_set.replicas:
        current, counts["currentReplicas"] = update, counts["updatedReplicas"]
    return {
        "observedGeneration": stateful_set.generation,
        "replicas": len(pods),
        "availableReplicas": sum(read_pod(each).seconds_until_available(seconds, now) == 0 for each in ready),
        **{name: count for name, count in counts.items() if count > 0},
        "currentRevision": current,
        "updateRevision": update,
    }


def _next_look(stateful_set: StatefulSet, pods: Sequence[JSON], now: float) -> list[Change]:
    waits = [read_pod(each).seconds_until_available(stateful_set.min_ready_seconds, now) for each in pods]
    remaining = [wait for wait in waits if wait]
    return [Requeue(min(remaining))] if remaining else []


class StatefulSetController:
    """Runs ``reconcile`` for the StatefulSets that a change concerns."""

    name = "statefulset-controller"
    resource = STATEFULSETS
    watches = (STATEFULSETS, PODS, CONTROLLERREVISIONS, PERSISTENTVOLUMECLAIMS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the StatefulSets to reconcile after a change; of a claim only its end counts."""
        if resource is STATEFULSETS:
            return [delta.key]
        if resource is PERSISTENTVOLUMECLAIMS:
            return [] if delta.new is not None else self._owners_of_claim(delta.key)
        if resource is CONTROLLERREVISIONS and delta.new is not None and controller_of(delta.new) is not None:
            return []  # as upstream, where revisions are only looked up
        return self._listers.owners_of(STATEFULSETS, delta)

    def _owners_of_claim(self, key: ObjectKey) -> list[ObjectKey]:
        found = map(read_stateful_set, self._listers.store.list(STATEFULSETS, key.namespace))
        return [ObjectKey(key.namespace, each.name) for each in found if has_claim_like(each, key.name)]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        stateful_set = store.find(STATEFULSETS, key)
        if stateful_set is None:
            return []
        around = Surroundings(
            pods=self._listers.candidates(PODS, stateful_set),
            revisions=self._listers.candidates(CONTROLLERREVISIONS, stateful_set),
            find_revision=lambda name: store.find(CONTROLLERREVISIONS, ObjectKey(key.namespace, name)),
            find_claim=lambda name: store.find(PERSISTENTVOLUMECLAIMS, ObjectKey(key.namespace, name)),
        )
        return reconcile(stateful_set, around, now)
