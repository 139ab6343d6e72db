"""DaemonSets: a pod on every node that is one for it, and a safe way from one template to the next.

Pure: ``daemonsetstep`` decides which pods to create and delete, ``daemonpods`` where they belong,
``controllerrevision`` tells the versions apart. Follows k8s.io/kubernetes ``pkg/controller/daemon``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, controller_of, is_terminating, labels_of
from kubeapi.objects.daemonset import DaemonSet, read_daemon_set
from kubeapi.objects.parts import list_at, status_of
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Create, Requeue, Update, UpdateStatus, delete
from kubecontroller.listers import Listers
from kubecontroller.workload.controllerrevision import (
    REVISION_LABEL,
    in_order,
    new_revision,
    next_number,
    number_of,
    renumbered,
    template_patch,
)
from kubecontroller.workload.daemonset.failedpods import FailedPods
from kubecontroller.workload.daemonset.pods import is_updated
from kubecontroller.workload.daemonset.step import DaemonSetStep
from kubecontroller.workload.hashing import template_hash
from kubecontroller.workload.ownership import claim


class Surroundings(NamedTuple):
    """What a reconcile looks at: all nodes, and the pods and revisions that are the DaemonSet's or may become so.

    ``find_revision`` returns the revision of a name in its namespace.
    """

    nodes: Sequence[JSON]
    pods: Iterable[JSON]
    revisions: Iterable[JSON]
    find_revision: Callable[[str], JSON | None]
    failed: FailedPods


def reconcile(daemon_set: JSON, around: Surroundings, now: float) -> list[Change]:
    """Return the next step of a DaemonSet; one that is being deleted is left to the garbage collector."""
    if is_terminating(daemon_set):
        return []
    reading = read_daemon_set(daemon_set)
    pods, changes = claim(daemon_set, PODS, around.pods)
    known, adoptions = claim(daemon_set, CONTROLLERREVISIONS, around.revisions)
    data = template_patch(daemon_set)
    old = in_order(each for each in known if each.get("data") != data)
    same = in_order(each for each in known if each.get("data") == data)
    current, writes = _current(reading, same, pods, next_number(old), around.find_revision)
    changes += [*adoptions, *writes]
    if current is None:
        return changes
    revision_hash = labels_of(current).get(REVISION_LABEL, "")
    step = DaemonSetStep(reading, around.nodes, pods, revision_hash, now)
    step.manage(around.failed)
    if not step.has_acted and reading.replaces_pods:
        step.update()
    past = [delete(CONTROLLERREVISIONS, each) for each in _past_history(reading, old, pods)]
    return [*changes, *step.changes, *past, *_status(step, revision_hash, now)]


def _current(
    daemon_set: DaemonSet,
    same: Sequence[JSON],
    pods: Sequence[JSON],
    number: int,
    find: Callable[[str], JSON | None],
) -> tuple[JSON | None, list[Change]]:
    """Return the revision of the present template with the writes that it needs; None after a collision of hashes.

    The collision is counted in the status, which makes another hash next time.
    """
    if same:
        current, writes = renumbered(same[-1], number)
        return current, [*writes, *_merged(same[:-1], current, pods)]
    found = _create(daemon_set, template_patch(daemon_set.obj), number, find)
    if found is not None:
        return found, [] if "uid" in found["metadata"] else [Create(CONTROLLERREVISIONS, found)]
    before = status_of(daemon_set.obj)
    status = {**before, "collisionCount": (before.get("collisionCount") or 0) + 1}
    return None, [UpdateStatus(DAEMONSETS, {**daemon_set.obj, "status": status})]


def _merged(duplicates: Sequence[JSON], kept: JSON, pods: Sequence[JSON]) -> list[Change]:
    """Return the deletion of revisions with the same template as another, after their pods have become that one's."""
    if not duplicates:
        return []
    value = labels_of(kept).get(REVISION_LABEL, "")
    relabelled: list[Change] = [
        Update(PODS, {**pod, "metadata": {**pod["metadata"], "labels": {**labels_of(pod), REVISION_LABEL: value}}})
        for pod in pods
        if labels_of(pod).get(REVISION_LABEL) != value
    ]
    return [*relabelled, *(delete(CONTROLLERREVISIONS, each) for each in duplicates)]


def _create(daemon_set: DaemonSet, data: JSON, number: int, find: Callable[[str], JSON | None]) -> JSON | None:
    """Return a new revision, or a stored one that is the same; None if another one has its name."""
    hashed = template_hash(daemon_set.template, daemon_set.collision_count)
    name = f"{daemon_set.name}-{hashed}"
    stored = find(name)
    if stored is None:
        return new_revision(daemon_set.obj, data, number, name, {REVISION_LABEL: hashed})
    return stored if stored.get("data") == data else None


def _past_history(daemon_set: DaemonSet, old: Sequence[JSON], pods: Sequence[JSON]) -> list[JSON]:
    """Return the oldest revisions that no pod is of and revisionHistoryLimit no longer keeps."""
    live = {labels_of(each).get(REVISION_LABEL, "") for each in pods}
    count = max(0, len(old) - daemon_set.revision_history_limit)
    unused = [each for each in sorted(old, key=number_of) if labels_of(each).get(REVISION_LABEL) not in live]
    return unused[:count]


def _status(step: DaemonSetStep, revision_hash: str, now: float) -> list[Change]:
    """Return the write of the status if it has changed, and when to look again."""
    daemon_set, before = step.daemon_set, status_of(step.daemon_set.obj)
    desired = [name for name, fit in step.fits.items() if fit.should_run]
    first = [step.pods[name][0] for name in desired if name in step.pods]
    ready = [each for each in first if read_pod(each).is_ready]
    waits = [read_pod(each).seconds_until_available(daemon_set.min_ready_seconds, now) for each in ready]
    available = sum(wait == 0 for wait in waits)
    optional = {
        "updatedNumberScheduled": sum(is_updated(daemon_set, each, revision_hash) for each in first),
        "numberAvailable": available,
        "numberUnavailable": len(desired) - available,
    }
    status = {
        **{name: before[name] for name in ("collisionCount", "conditions") if name in before},
        "currentNumberScheduled": len(first),
        "numberMisscheduled": sum(not fit.should_run and name in step.pods for name, fit in step.fits.items()),
        "desiredNumberScheduled": len(desired),
        "numberReady": len(ready),
        "observedGeneration": daemon_set.generation,
        **{name: count for name, count in optional.items() if count},
    }
    changes: list[Change] = [Requeue(min(wait for wait in waits if wait))] if any(waits) else []
    return changes if status == before else [*changes, UpdateStatus(DAEMONSETS, {**daemon_set.obj, "status": status})]


class DaemonSetController:
    """Runs ``reconcile`` for the DaemonSets that a change concerns."""

    name = "daemonset-controller"
    resource = DAEMONSETS
    watches = (DAEMONSETS, NODES, PODS, CONTROLLERREVISIONS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers
        self._failed = FailedPods()

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the DaemonSets to reconcile after a change: all, if what a node offers has changed."""
        if resource is DAEMONSETS:
            return [delta.key]
        if resource is NODES:
            if delta.old is not None and delta.new is not None and _offer(delta.old) == _offer(delta.new):
                return []
            found = self._listers.store.list(DAEMONSETS)
            return [ObjectKey(each["metadata"]["namespace"], each["metadata"]["name"]) for each in found]
        if resource is CONTROLLERREVISIONS and delta.old is None and delta.new is not None and controller_of(delta.new):
            return []  # as upstream: one that a person makes counts when something else changes
        return self._listers.owners_of(DAEMONSETS, delta)

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        store = self._listers.store
        daemon_set = store.find(DAEMONSETS, key)
        if daemon_set is None:
            return []
        around = Surroundings(
            nodes=store.list(NODES),
            pods=self._listers.candidates(PODS, daemon_set),
            revisions=self._listers.candidates(CONTROLLERREVISIONS, daemon_set),
            find_revision=lambda name: store.find(CONTROLLERREVISIONS, ObjectKey(key.namespace, name)),
            failed=self._failed,
        )
        return reconcile(daemon_set, around, now)


def _offer(node: JSON) -> object:
    return labels_of(node), list_at(node, "spec", "taints")
