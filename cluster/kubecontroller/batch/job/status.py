"""The status of a Job: its counts, which pods they are of, and its conditions. Pure.

Follows ``trackJobStatusAndRemoveFinalizers`` in k8s.io/kubernetes ``pkg/controller/job/job_controller.go``.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON, format_time, is_terminating
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.objects.job import read_job
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubecontroller.batch.job.pods import is_failed, is_tracked, valid_index
from kubecontroller.batch.job.policies import match_failure_policy
from kubecontroller.batch.job.sync import COMPLETE, FAILED, FAILURE_TARGET, SUCCESS_CRITERIA_MET, End, JobSync
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent

MOST_UNCOUNTED = 500
"""Most pods that one reconcile counts, which bounds the status (MaxUncountedPods); the rest follows later."""
_OMITTED_IF_EMPTY = ("active", "succeeded", "failed", "completedIndexes", "conditions")


class JobCounting:
    """The next status of a Job: ``created`` pods come to its own, and the ``condemned`` ones go.

    Call ``pods_to_release``, ``interim_status`` and ``final_status`` in this order; ``is_over`` tells then whether the
    Job has ended.
    """

    def __init__(self, sync: JobSync, end: End | None, created: int, condemned: Sequence[JSON]) -> None:
        self.created = created
        self.is_over = False
        self._sync, self._end = sync, end
        self._is_partial = False
        self._leaving = sync.terminating + len(condemned)
        self.status: JSON = {
            **status_of(sync.obj),
            "active": len(sync.active) - len(condemned) + created,
            "ready": sync.ready - sum(read_pod(pod).is_ready for pod in condemned),
            "terminating": self._leaving,
        }
        if sync.started_at is not None:
            self.status["startTime"] = format_time(sync.started_at)
        tracked = {pod["metadata"]["uid"] for pod in sync.pods if is_tracked(pod)}
        self._succeeded = [uid for uid in sync.uncounted_succeeded if uid in tracked]
        self._failed = [uid for uid in sync.uncounted_failed if uid in tracked]
        self.status["succeeded"] = sync.job.succeeded + len(sync.uncounted_succeeded) - len(self._succeeded)
        self.status["failed"] = sync.job.failed + len(sync.uncounted_failed) - len(self._failed)

    def pods_to_release(self) -> list[JSON]:
        """Return the pods that are in the counts once the interim status is written."""
        sync = self._sync
        is_ending = self._end is not None or is_terminating(sync.obj)
        waiting = {pod["metadata"]["uid"] for pod in sync.delayed.values()}
        released: list[JSON] = []
        new_indexes = 0
        for pod in sync.pods:
            has_failed, has_succeeded = is_failed(sync.job, pod), read_pod(pod).phase == "Succeeded"
            is_settled = has_succeeded or (has_failed and pod["metadata"]["uid"] not in waiting)
            if not is_tracked(pod) or not (is_ending or is_settled):
                continue
            released.append(pod)
            new_indexes += self._count(pod, has_failed=has_failed)
            if new_indexes + len(self._succeeded) + len(self._failed) >= MOST_UNCOUNTED:
                self._is_partial = True
                break
        return released

    def _count(self, pod: JSON, *, has_failed: bool) -> bool:
        """Name a pod that has ended in the status; tell whether it is an index that has succeeded just now."""
        sync, uid = self._sync, pod["metadata"]["uid"]
        index = valid_index(sync.job, pod)
        if read_pod(pod).phase == "Succeeded" and uid not in self._failed:
            if sync.job.is_indexed:
                return index is not None and index not in sync.before
            if uid not in self._succeeded:
                self._succeeded.append(uid)
        elif has_failed or (self._end is not None and not self._end.is_success):
            is_valid = not sync.job.is_indexed or index is not None
            is_counted = match_failure_policy(sync.job.failure_rules, pod).is_counted
            if uid not in self._failed and is_valid and is_counted:
                self._failed.append(uid)
        return False

    def interim_status(self) -> JSON:
        """Return the status that names the pods to release, and why the Job ends."""
        sync, end = self._sync, self._end
        if sync.job.is_indexed:
            self.status |= {
                "succeeded": sync.succeeded_indexes.total,
                "completedIndexes": str(sync.succeeded_indexes),
            }
        if sync.failed_indexes is not None:
            self.status["failedIndexes"] = str(sync.failed_indexes)
        if end is not None and end.condition in (FAILURE_TARGET, SUCCESS_CRITERIA_MET):
            _set_condition(self.status, end, sync.now)
        names = {"succeeded": self._succeeded, "failed": self._failed}
        uncounted = {field: list(uids) for field, uids in names.items() if uids}
        return _written({**self.status, "uncountedTerminatedPods": uncounted})

    def final_status(self) -> JSON:
        """Return the status once the pods are released: with their number in place of their names."""
        self.status["failed"] += len(self._failed)
        if not self._sync.job.is_indexed:
            self.status["succeeded"] += len(self._succeeded)
        self.status["uncountedTerminatedPods"] = {}
        if self._end is not None and not self._is_partial and not self._leaving:
            self.is_over = True
            condition = COMPLETE if self._end.is_success else FAILED
            _set_condition(self.status, self._end._replace(condition=condition), self._sync.now)
            if self._end.is_success:
                self.status["completionTime"] = format_time(self._sync.now)
        return _written(self.status)

    def without_created(self, status: JSON) -> JSON:
        """Return a status for the case that the pods could not be created."""
        return _written({**status, "active": status.get("active", 0) - self.created})


def _written(status: JSON) -> JSON:
    """Return a status without the fields that Go leaves out if they are empty."""
    return {name: value for name, value in status.items() if value or name not in _OMITTED_IF_EMPTY}


def _set_condition(status: JSON, end: End, now: float, value: str = "True") -> bool:
    """Set a condition in a status, at its place; tell whether that changes it (ensureJobConditionStatus)."""
    conditions: list[JSON] = list(status.get("conditions") or ())
    wanted = {"type": end.condition, "status": value, "reason": end.reason, "message": end.message}
    before = next((each for each in conditions if each.get("type") == end.condition), None)
    if before is None and value == "False":
        return False
    if before is not None and {**before, **wanted} == before:
        return False
    time = format_time(now)
    condition = {**wanted, "lastProbeTime": time, "lastTransitionTime": time}
    if before is None:
        status["conditions"] = [*conditions, condition]
    else:
        status["conditions"] = [condition if each is before else each for each in conditions]
    return True


def suspension_changes(sync: JobSync, status: JSON) -> list[Change]:
    """Bring a status to what the Job's suspend says, and return the events that tell of it."""
    if sync.job.is_suspended:
        if not _set_condition(status, End("Suspended", "JobSuspended", "Job suspended"), sync.now):
            return []
        status.pop("startTime", None)
        return [RecordEvent(sync.obj, NORMAL, "Suspended", "Job suspended")]
    if not _set_condition(status, End("Suspended", "JobResumed", "Job resumed"), sync.now, "False"):
        return []
    status["startTime"] = format_time(sync.now)
    return [RecordEvent(sync.obj, NORMAL, "Resumed", "Job resumed")]


def end_events(job: JSON, status: JSON) -> list[Change]:
    """Return the events that tell that a Job has ended with a status."""
    ended = {**job, "status": status}
    if not is_condition_true(ended, COMPLETE):
        failed = find_condition(ended, FAILED)
        return [RecordEvent(job, WARNING, failed["reason"], failed["message"])] if failed else []
    wanted = read_job(job).completions
    events: list[Change] = [RecordEvent(job, NORMAL, "Completed", "Job completed")]
    if wanted is not None and read_job(ended).succeeded > wanted:
        text = "Too many succeeded pods running after completion count reached"
        events.insert(0, RecordEvent(job, WARNING, "TooManySucceededPods", text))
    return events
