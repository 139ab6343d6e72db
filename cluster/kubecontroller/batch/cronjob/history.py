"""The Jobs that a CronJob has started: which are active, which have ended, which are old enough to go. Pure.

Follows ``syncCronJob`` and ``cleanupFinishedJobs`` in k8s.io/kubernetes ``pkg/controller/cronjob``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from kubeapi.meta import JSON, format_time, parse_time
from kubeapi.objects.job import Job, read_job
from kubeapi.objects.parts import spec_of, status_of
from kubeapi.scheme import JOBS
from kubecontroller.change import NORMAL, WARNING, Change, Outcome, RecordEvent, delete

_LIMITS = {"Complete": "successfulJobsHistoryLimit", "Failed": "failedJobsHistoryLimit"}


class CronHistory:
    """The Jobs of a CronJob; ``status`` is what follows from them, ``changes`` the events and deletions.

    ``started`` is the name of the Job that is being started now, "" if there is none.
    """

    def __init__(self, cron_job: JSON, jobs: Sequence[JSON], started: str) -> None:
        self.changes: list[Change] = []
        self.status = dict(status_of(cron_job))
        self._cron_job, self._jobs, self._started = cron_job, list(jobs), started

    @property
    def active(self) -> list[JSON]:
        """References to the Jobs that were started and have not ended."""
        return list(self.status.get("active") or ())

    def clean_up(self) -> None:
        """Delete the oldest Jobs that have ended, all but those that the limits keep."""
        for end, field in _LIMITS.items():
            limit = spec_of(self._cron_job).get(field)
            ended = sorted((each for each in self._jobs if read_job(each).end == end), key=_start_order)
            if limit is not None and len(ended) > limit:
                for job in ended[: len(ended) - limit]:
                    self.changes.append(self._deletion(job))

    def read(self) -> None:
        """Bring the status to what the Jobs say."""
        for obj in self._jobs:
            job, name, uid = read_job(obj), obj["metadata"]["name"], obj["metadata"]["uid"]
            is_active = any(each.get("uid") == uid for each in self.active)
            if not is_active and not job.is_finished and name != self._started:
                text = f"Saw a job that the controller did not create or forgot: {name}"
                self._record(WARNING, "UnexpectedJob", text)
            if is_active and job.is_finished:
                self._forget(uid)
                self._record(NORMAL, "SawCompletedJob", f"Saw completed job: {name}, condition: {job.end}")
            self._read_success(job)
        known = {each["metadata"]["uid"] for each in self._jobs}
        for reference in self.active:
            if reference.get("uid") not in known:
                self._record(NORMAL, "MissingJob", f"Active job went missing: {reference.get('name')}")
                self._forget(reference.get("uid", ""))

    def find_named(self, name: str) -> JSON | None:
        """Return the Job of a name that is not noted as active yet, None if there is none."""
        active = {each.get("uid") for each in self.active}
        found = (each for each in self._jobs if each["metadata"]["name"] == name)
        return next((each for each in found if each["metadata"]["uid"] not in active), None)

    def has_active_named(self, name: str) -> bool:
        """Tell whether a Job of a name is noted as active."""
        return any(each.get("name") == name for each in self.active)

    def note_start(self, job: JSON, time: float) -> None:
        """Note a Job as active, and the time that it was started for."""
        fields = ("namespace", "name", "uid", "resourceVersion")
        metadata = {field: job["metadata"][field] for field in fields if field in job["metadata"]}
        reference = {"kind": JOBS.kind, "apiVersion": JOBS.api_version, **metadata}
        self.status |= {"active": [*self.active, reference], "lastScheduleTime": format_time(time)}

    def replace_active(self) -> list[Change]:
        """Return the deletion of all active Jobs, which another one replaces."""
        active = {each.get("uid") for each in self.active}
        return [self._deletion(each) for each in self._jobs if each["metadata"]["uid"] in active]

    def _deletion(self, job: JSON) -> Change:
        self._forget(job["metadata"]["uid"])
        text = f"Deleted job {job['metadata']['name']}"
        return delete(
            JOBS, job, Outcome(self._cron_job, "FailedDelete", "Deleted job: {error}", "SuccessfulDelete", text)
        )

    def _read_success(self, job: Job) -> None:
        completed, last = job.completed_at, self.status.get("lastSuccessfulTime")
        if job.is_complete and completed is not None and (not last or completed > parse_time(last)):
            self.status["lastSuccessfulTime"] = format_time(completed)

    def _forget(self, uid: str) -> None:
        active = [each for each in self.active if each.get("uid") != uid]
        if active:
            self.status["active"] = active
        else:
            self.status.pop("active", None)

    def _record(self, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        self.changes.append(RecordEvent(self._cron_job, kind, reason, message))


def _start_order(job: JSON) -> tuple[bool, float, str]:
    """Return the order of Jobs by their start; those that never started come last."""
    started = read_job(job).started_at
    return started is None, started or 0.0, job["metadata"]["name"]
