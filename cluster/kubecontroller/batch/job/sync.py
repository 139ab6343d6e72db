"""What the controller sees of a Job and its pods at one moment, and why the Job ends, if it does. Pure.

Follows the first half of ``syncJob`` in k8s.io/kubernetes ``pkg/controller/job/job_controller.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kubeapi.jobspec.indexes import Indexes, indexes_of, read_indexes
from kubeapi.meta import JSON
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.objects.job import read_job
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of
from kubeapi.objects.pod import read_pod
from kubecontroller.batch.job.pods import (
    all_failures,
    completion_index,
    ended_at,
    indexes_of_pods,
    is_failed,
    is_index_failed,
    is_leaving,
    is_tracked,
    valid_index,
)
from kubecontroller.batch.job.policies import match_failure_policy, match_success_policy

FAILURE_TARGET, FAILED = "FailureTarget", "Failed"
SUCCESS_CRITERIA_MET, COMPLETE = "SuccessCriteriaMet", "Complete"


class End(NamedTuple):
    """Why a Job ends: the condition that says so, with its reason and message."""

    condition: str
    reason: str
    message: str

    @property
    def is_success(self) -> bool:
        """Whether it ends because it has succeeded."""
        return self.condition == SUCCESS_CRITERIA_MET


class JobSync:
    """A Job with its pods: ``started_at`` is when it began, now if it begins now, None while it is suspended."""

    def __init__(self, obj: JSON, pods: list[JSON], now: float) -> None:
        self.obj, self.now = obj, now
        self.job = job = read_job(obj)
        self.pods = sorted(pods, key=_index_or_none) if job.is_indexed else pods
        self.active = [pod for pod in pods if read_pod(pod).is_active]
        self.ready = sum(read_pod(pod).is_ready for pod in self.active)
        self.terminating = sum(is_leaving(pod) for pod in pods)
        uncounted = map_at(obj, "status", "uncountedTerminatedPods")
        self.uncounted_succeeded: list[str] = list(list_at(uncounted, "succeeded"))
        self.uncounted_failed: list[str] = list(list_at(uncounted, "failed"))
        self.new_succeeded = self._new(self.uncounted_succeeded, lambda pod: read_pod(pod).phase == "Succeeded")
        self.new_failed = self._new(self.uncounted_failed, lambda pod: is_failed(job, pod))
        self.failed = job.failed + len(self.uncounted_failed) + sum(map(self._is_counted, self.new_failed))
        self.succeeded = job.succeeded + len(self.uncounted_succeeded) + len(self.new_succeeded)
        self.started_at = now if job.started_at is None and not job.is_suspended else job.started_at
        self.before = self.succeeded_indexes = Indexes()
        self.failed_indexes: Indexes | None = None
        self.delayed: dict[int, JSON] = {}
        if job.is_indexed:
            self._read_indexes()

    def _new(self, uncounted: list[str], has_ended: Callable[[JSON], bool]) -> list[JSON]:
        """Return the pods that have ended in some way and are in no count yet."""
        known = set(uncounted)
        return [
            pod
            for pod in self.pods
            if is_tracked(pod)
            and pod["metadata"]["uid"] not in known
            and (not self.job.is_indexed or valid_index(self.job, pod) is not None)
            and has_ended(pod)
        ]

    def _is_counted(self, pod: JSON) -> bool:
        return match_failure_policy(self.job.failure_rules, pod).is_counted

    def _read_indexes(self) -> None:
        job, status, completions = self.job, status_of(self.obj), self.job.completions or 0
        tracked = [
            (pod, index) for pod in self.pods if is_tracked(pod) and (index := valid_index(job, pod)) is not None
        ]
        self.before = read_indexes(status.get("completedIndexes") or "", completions)
        done = (index for pod, index in tracked if read_pod(pod).phase == "Succeeded")
        self.succeeded_indexes = self.before.merged(indexes_of(done))
        self.succeeded = self.succeeded_indexes.total
        if job.backoff_limit_per_index is not None:
            lost = read_indexes(status.get("failedIndexes") or "", completions)
            self.failed_indexes = lost.merged(indexes_of(index for pod, index in tracked if is_index_failed(job, pod)))
            self.delayed = self._delayed(tracked, self.failed_indexes)

    def _delayed(self, tracked: list[tuple[JSON, int]], lost: Indexes) -> dict[int, JSON]:
        """Return the last failed pod of each index that waits for another: the new pod takes its counts over."""
        settled = self.succeeded_indexes.merged(lost).merged(indexes_of(indexes_of_pods(self.active)))
        found: dict[int, JSON] = {}
        for pod, index in tracked:
            if index in settled or not is_failed(self.job, pod):
                continue
            last = found.get(index)
            if last is None or (all_failures(last) <= all_failures(pod) and ended_at(last) <= ended_at(pod)):
                found[index] = pod
        return found

    def end(self) -> End | None:
        """Return why the Job ends, None if it goes on, as far as its number of completions does not say."""
        earlier = self._earlier_end()
        return earlier or next(self._failures(), None) or self._success()

    def _earlier_end(self) -> End | None:
        """Return why the Job ends as its status has it already."""
        for kind, meaning in ((SUCCESS_CRITERIA_MET, SUCCESS_CRITERIA_MET), (FAILURE_TARGET, FAILED)):
            condition = find_condition(self.obj, kind)
            if condition is not None and is_condition_true(self.obj, kind):
                return End(meaning, condition.get("reason", ""), condition.get("message", ""))
        return None

    def _failures(self) -> Iterator[End]:
        """Yield why the Job fails, what counts most first."""
        job = self.job
        for pod in self.pods:
            if is_failed(job, pod) and (message := match_failure_policy(job.failure_rules, pod).message):
                yield End(FAILURE_TARGET, "PodFailurePolicy", message)
        if self.failed > job.backoff_limit or self._has_restarted_too_often():
            yield End(FAILURE_TARGET, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        if self.deadline is not None and self.deadline <= self.now:
            yield End(FAILURE_TARGET, "DeadlineExceeded", "Job was active longer than specified deadline")
        if self.failed_indexes is not None:
            lost, most = self.failed_indexes.total, spec_of(self.obj).get("maxFailedIndexes")
            if most is not None and lost > most:
                message = "Job has exceeded the specified maximal number of failed indexes"
                yield End(FAILURE_TARGET, "MaxFailedIndexesExceeded", message)
            if lost and lost + self.succeeded_indexes.total >= (job.completions or 0):
                yield End(FAILURE_TARGET, "FailedIndexes", "Job has failed indexes")

    def _success(self) -> End | None:
        rules = list_at(self.obj, "spec", "successPolicy", "rules")
        message = match_success_policy(rules, self.job.completions or 0, self.succeeded_indexes) if rules else ""
        return End(SUCCESS_CRITERIA_MET, "SuccessPolicy", message) if message else None

    @property
    def deadline(self) -> float | None:
        """Until when the Job may be active, in seconds since the epoch; None for ever, or while it is suspended."""
        seconds = self.job.active_deadline_seconds
        if seconds is None or self.started_at is None or self.job.is_suspended:
            return None
        return self.started_at + seconds

    def _has_restarted_too_often(self) -> bool:
        """Tell whether containers that are restarted in their pods have used up the limit."""
        if self.job.template["spec"].get("restartPolicy") != "OnFailure":
            return False
        running = (read_pod(pod) for pod in self.pods if read_pod(pod).phase in ("Running", "Pending"))
        restarts = sum(
            each.restart_count for pod in running for each in (*pod.init_container_statuses, *pod.container_statuses)
        )
        return restarts >= max(self.job.backoff_limit, 1)

    @property
    def is_completed(self) -> bool:
        """Whether enough pods have succeeded."""
        wanted = self.job.completions
        return self.succeeded > 0 if wanted is None else self.succeeded >= wanted


def _index_or_none(pod: JSON) -> int:
    index = completion_index(pod)
    return -1 if index is None else index
