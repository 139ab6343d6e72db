"""What the status of a Job must be, and what may not change in it (pkg/apis/batch/validation ValidateJobStatusUpdate).

Most rules hold only for fields that change, so that a status that breaks one can still be written in other respects
(getStatusValidationOptions). They guard clients from controllers of others (managedBy).
"""

from __future__ import annotations

from kubeapi.jobspec.indexes import count_indexes, overlap_fault
from kubeapi.meta import JSON, parse_time
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.objects.job import Job, read_job
from kubeapi.objects.parts import list_at, map_at, status_of
from kubeapi.validation.faults import Faults, duplicate, invalid, not_negative, required, without_value

_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
_CONDITIONS = "status.conditions"
_MET, _TARGET = "SuccessCriteriaMet", "FailureTarget"


def validate_status_change(new: JSON, old: JSON) -> Faults:
    """Yield the faults of a changed status."""
    change = _Change(new, old)
    for field in _COUNTS:
        yield from not_negative(f"status.{field}", change.status.get(field))
    yield from _validate_uncounted(new)
    yield from _validate_ends(change)
    yield from _validate_times(change)
    yield from _validate_finished(change)
    yield from _validate_indexes(change)
    yield from _validate_terminating(change)
    yield from _validate_conflicts(change)
    yield from _validate_progress(change)


class _Change:
    """A status before and after, and what differs."""

    def __init__(self, new: JSON, old: JSON) -> None:
        self.new, self.old = new, old
        self.status, self.before = status_of(new), status_of(old)
        self.job: Job = read_job(new)

    def has(self, condition: str) -> bool:
        """Tell whether a condition is True now."""
        return is_condition_true(self.new, condition)

    def had(self, condition: str) -> bool:
        """Tell whether a condition was True."""
        return is_condition_true(self.old, condition)

    def turns(self, *conditions: str) -> bool:
        """Tell whether one of some conditions becomes True or is True no more."""
        return any(self.has(each) != self.had(each) for each in conditions)

    def changes(self, *fields: str) -> bool:
        """Tell whether one of some fields changes."""
        return any(self.status.get(each) != self.before.get(each) for each in fields)

    @property
    def finishes(self) -> bool:
        """Whether the Job ends, or is no longer over."""
        return self.job.is_finished != read_job(self.old).is_finished


def _validate_uncounted(new: JSON) -> Faults:
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for index, uid in enumerate(list_at(new, "status", "uncountedTerminatedPods", field)):
            path = f"status.uncountedTerminatedPods.{field}[{index}]"
            if not uid:
                yield invalid(path, uid, "must not be empty")
            elif uid in seen:
                yield duplicate(path, uid)
            seen.add(uid)


def _validate_ends(change: _Change) -> Faults:
    if change.turns("Complete", "Failed") and change.has("Complete") and change.has("Failed"):
        yield without_value(_CONDITIONS, "cannot set Complete=True and Failed=true conditions")
    if change.turns("Complete", _TARGET) and change.has("Complete") and change.has(_TARGET):
        yield without_value(_CONDITIONS, "cannot set Complete=True and FailureTarget=true conditions")


def _validate_times(change: _Change) -> Faults:
    status, path = change.status, "status.completionTime"
    started, completed = status.get("startTime"), status.get("completionTime")
    if change.turns("Complete") or change.changes("completionTime"):
        if completed and not change.has("Complete"):
            yield invalid(path, completed, "cannot set completionTime when there is no Complete=True condition")
        if not completed and change.has("Complete"):
            yield required(path, "completionTime is required for Complete jobs")
    is_changed = change.changes("startTime", "completionTime")
    if is_changed and started and completed and parse_time(completed) < parse_time(started):
        yield invalid(path, completed, "must be equal to or after `startTime`")


def _validate_finished(change: _Change) -> Faults:
    """Yield the faults of a Job that is over."""
    fails = change.turns("Failed") or change.changes("failedIndexes")
    if fails and change.has("Failed") and not change.has(_TARGET):
        yield without_value(_CONDITIONS, "cannot set Failed=True condition without the FailureTarget=true condition")
    if change.turns("Complete", _MET) and change.has("Complete") and not change.has(_MET):
        yield without_value(
            _CONDITIONS, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        )
    if not change.job.is_finished:
        return
    if (change.finishes or change.changes("active")) and change.job.active > 0:
        yield invalid("status.active", change.job.active, "active>0 is invalid for finished job")
    is_empty = change.job.is_suspended and change.job.completions == 0
    if (change.finishes or change.changes("startTime")) and not is_empty and not change.status.get("startTime"):
        yield required("status.startTime", "startTime is required for finished job")
    uncounted = map_at(change.new, "status", "uncountedTerminatedPods")
    if (change.finishes or change.changes("uncountedTerminatedPods")) and any(uncounted.values()):
        yield invalid("status.uncountedTerminatedPods", uncounted, "must be empty for finished job")


def _validate_indexes(change: _Change) -> Faults:
    done, failed = change.status.get("completedIndexes", ""), change.status.get("failedIndexes")
    job, path = change.job, "status.failedIndexes"
    has_done, has_failed = change.changes("completedIndexes"), change.changes("failedIndexes")
    if job.completions is not None:
        if has_done and (fault := count_indexes(done, job.completions).fault):
            yield invalid("status.completedIndexes", done, f"error parsing completedIndexes: {fault}")
        has_limit = has_failed and job.backoff_limit_per_index is not None
        if has_limit and (fault := count_indexes(failed or "", job.completions).fault):
            yield invalid(path, failed, f"error parsing failedIndexes: {fault}")
    if has_done and done and not job.is_indexed:
        yield invalid(
            "status.completedIndexes", done, "cannot set non-empty completedIndexes when non-indexed completion mode"
        )
    if has_failed and failed is not None and job.backoff_limit_per_index is None:
        yield invalid(path, failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null")
    fault = overlap_fault(done, failed or "", job.completions or 0)
    if (has_done or has_failed) and fault:
        yield invalid(path, failed, fault)


def _validate_terminating(change: _Change) -> Faults:
    terminating, ready = change.status.get("terminating") or 0, change.status.get("ready")
    if (change.finishes or change.changes("terminating")) and terminating > 0 and change.job.is_finished:
        yield invalid("status.terminating", terminating, "terminating>0 is invalid for finished job")
    if change.changes("ready", "active") and ready is not None and ready > change.job.active:
        yield invalid("status.ready", ready, "cannot set more ready pods than active")


def _validate_conflicts(change: _Change) -> Faults:
    if change.has(_MET) and change.has("Failed"):
        yield without_value(_CONDITIONS, "cannot set SuccessCriteriaMet=True and Failed=true conditions")
    if change.has(_MET) and change.has(_TARGET):
        yield without_value(_CONDITIONS, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")
    if "successPolicy" in change.new["spec"] and not change.has(_MET) and change.has("Complete"):
        detail = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        yield without_value(_CONDITIONS, detail)


def _validate_progress(change: _Change) -> Faults:
    """Yield the faults of what goes back: conditions of the end, counts, times."""
    for condition in ("Failed", "Complete", _TARGET):
        if change.had(condition) and not change.has(condition):
            yield without_value(_CONDITIONS, f"cannot disable the terminal {condition}=True condition")
    job, before = change.job, read_job(change.old)
    if job.failed < before.failed:
        yield invalid("status.failed", job.failed, "cannot decrease the failed counter")
    is_elastic = job.is_indexed and job.completions == job.parallelism
    if job.succeeded < before.succeeded and not is_elastic:
        yield invalid("status.succeeded", job.succeeded, "cannot decrease the succeeded counter")
    completed, started = change.status.get("completionTime"), change.status.get("startTime")
    if completed and change.before.get("completionTime") and change.changes("completionTime"):
        yield invalid("status.completionTime", completed, "field is immutable")
    suspended = find_condition(change.new, "Suspended")
    is_resuming = change.had("Suspended") and suspended is not None and suspended.get("status") == "False"
    if change.before.get("startTime") and change.changes("startTime") and not (is_resuming or job.is_suspended):
        yield invalid("status.startTime", started, "field is immutable for unsuspended job once set")
    if change.had(_MET) and not change.has(_MET):
        yield without_value(_CONDITIONS, "cannot disable the SuccessCriteriaMet=True condition")
    if change.had("Complete") and not change.had(_MET) and change.has(_MET):
        yield without_value(
            _CONDITIONS, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        )
