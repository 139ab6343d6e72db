"""Deletes Jobs, and with them their pods, some time after they have ended (spec.ttlSecondsAfterFinished).

Pure. Follows k8s.io/kubernetes ``pkg/controller/ttlafterfinished``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.job import read_job
from kubeapi.objects.parts import list_at, spec_of
from kubeapi.scheme import JOBS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Requeue, Update, delete
from kubecontroller.cleanup.garbagecollector import FOREGROUND
from kubecontroller.listers import Listers


def reconcile(job: JSON, now: float) -> list[Change]:
    """Return the deletion of a Job whose time is over, or when to look again."""
    seconds, ended = spec_of(job).get("ttlSecondsAfterFinished"), read_job(job).finished_at
    if seconds is None or ended is None or is_terminating(job):
        return []
    if (left := ended + seconds - now) > 0:
        return [Requeue(left)]
    metadata = {**job["metadata"], "finalizers": [*list_at(job, "metadata", "finalizers"), FOREGROUND]}
    return [Update(JOBS, {**job, "metadata": metadata}), delete(JOBS, job)]


class FinishedJobController:
    """Reconciles the Jobs that have ended."""

    name = "ttl-after-finished-controller"
    resource = JOBS
    watches = (JOBS,)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return a Job that has ended."""
        return [delta.key] if delta.new is not None and read_job(delta.new).is_finished else ()

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a Job needs."""
        job = self._listers.store.find(JOBS, key)
        return [] if job is None else reconcile(job, now)
