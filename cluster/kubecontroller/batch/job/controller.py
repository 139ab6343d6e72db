"""Jobs: pods that run to their end, each counted exactly once, until enough have succeeded or too many failed.

Pure. A pod keeps a finalizer until the status has it: first the status names the pods that have ended, then they lose
their finalizers, then the counts rise and the names go. So a pod that is deleted meanwhile counts, and no pod counts
twice. Follows k8s.io/kubernetes ``pkg/controller/job/job_controller.go``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, controller_of, is_terminating, labels_of
from kubeapi.objects.job import TRACKING_FINALIZER, read_job
from kubeapi.scheme import JOBS, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.batch.job.backoff import Backoff
from kubecontroller.batch.job.scaling import Scaling, scale
from kubecontroller.batch.job.status import JobCounting, end_events, suspension_changes
from kubecontroller.batch.job.sync import SUCCESS_CRITERIA_MET, End, JobSync
from kubecontroller.change import Change, Create, Requeue, Update, UpdateStatus, delete
from kubecontroller.listers import Listers
from kubecontroller.workload.ownership import claim, without_finalizer
from kubecontroller.workload.podcontrol import creation, deletion

_COMPLETED = End(SUCCESS_CRITERIA_MET, "CompletionsReached", "Reached expected number of succeeded pods")


class Reconciled(NamedTuple):
    """The writes that a Job needs, and its failures in a row once they are done."""

    changes: list[Change]
    backoff: Backoff


def reconcile(job: JSON, candidates: Iterable[JSON], backoff: Backoff, now: float) -> Reconciled:
    """Return what a Job needs that is not over; ``candidates`` are its pods and the orphans that it selects."""
    pods, changes = claim(job, PODS, candidates, TRACKING_FINALIZER)
    sync = JobSync(job, pods, now)
    backoff = backoff.after(sync.new_succeeded, sync.new_failed)
    end, scaling = sync.end(), Scaling([], [])
    if end is not None:
        condemned = sync.active
    else:
        is_managed = not is_terminating(job)
        scaling = scale(sync, backoff) if is_managed else scaling
        condemned = scaling.surplus
        active = len(sync.active) + len(scaling.created) - len(condemned)
        end = _COMPLETED if sync.is_completed and not active else None
        changes += _waits(sync, scaling)
    counting = JobCounting(sync, end, len(scaling.created), condemned)
    if end is None and not is_terminating(job):
        changes += suspension_changes(sync, counting.status)
    changes += [Create(PODS, pod, creation(job)) for pod in scaling.created]
    return Reconciled([*changes, *_tracking(sync, counting, end, condemned)], backoff)


def _waits(sync: JobSync, scaling: Scaling) -> list[Change]:
    """Return when to look again: at the deadline, and when pods may be replaced."""
    waits = [sync.deadline - sync.now] if sync.deadline is not None else []
    return [Requeue(each) for each in (*waits, scaling.wait) if each > 0]


def _tracking(sync: JobSync, counting: JobCounting, end: End | None, condemned: list[JSON]) -> list[Change]:
    """Return the writes that count the pods that have ended, and let them and the condemned ones go."""
    changes: list[Change] = []
    counted = counting.pods_to_release()
    status = counting.interim_status()
    if status != sync.obj.get("status") and (counted or end is not None):
        changes.append(_status_change(sync, status, counting))
    released = {pod["metadata"]["uid"]: pod for pod in (*counted, *condemned)}
    freed = ((pod, without_finalizer(pod, TRACKING_FINALIZER)) for pod in released.values())
    changes += [Update(PODS, free) for pod, free in freed if free is not pod]
    changes += [delete(PODS, pod, deletion(sync.obj)) for pod in condemned]
    last = counting.final_status()
    if last != (status if changes else sync.obj.get("status")):
        changes.append(_status_change(sync, last, counting))
    return [*changes, *end_events(sync.obj, last)] if counting.is_over else changes


def _status_change(sync: JobSync, status: JSON, counting: JobCounting) -> UpdateStatus:
    if not counting.created:
        return UpdateStatus(JOBS, {**sync.obj, "status": status})
    without = {**sync.obj, "status": counting.without_created(status)}
    return UpdateStatus(JOBS, {**sync.obj, "status": status}, refused=lambda _: without)


class JobController:
    """Runs ``reconcile`` for the Jobs that a change concerns, and remembers their failures in a row."""

    name = "job-controller"
    resource = JOBS
    watches = (JOBS, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers
        self._backoffs: dict[ObjectKey, Backoff] = {}

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Jobs to reconcile after a change."""
        if resource is JOBS:
            return [delta.key]
        keys: list[ObjectKey] = []
        for pod in (delta.old, delta.new):
            if pod is not None:
                keys += self._owners(delta.key.namespace, pod)
        return keys

    def _owners(self, namespace: str, pod: JSON) -> list[ObjectKey]:
        controller = controller_of(pod)
        if controller is None:
            return self._listers.selecting(JOBS, namespace, labels_of(pod))
        return [ObjectKey(namespace, controller["name"])] if controller["kind"] == JOBS.kind else []

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs; none for a Job that is over, or that another controller has."""
        job = self._listers.store.find(JOBS, key)
        if job is None or read_job(job).is_finished or read_job(job).is_external:
            self._backoffs.pop(key, None)
            return []
        own = self._listers.controlled_by(PODS, job)
        orphans = self._listers.orphans(PODS, key.namespace, job["spec"]["selector"])
        changes, backoff = reconcile(job, [*own, *orphans], self._backoffs.get(key, Backoff()), now)
        self._backoffs[key] = backoff
        return changes
