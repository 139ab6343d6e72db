"""CronJobs: a Job whenever the schedule is due, as the concurrency policy lets it, and the old Jobs deleted.

Pure. The name of a Job has its minute, so none is created twice: the reconcile that the new Job causes finds it by that
name and notes it in the status. Follows k8s.io/kubernetes ``pkg/controller/cronjob/cronjob_controllerv2.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple

from kubeapi.jobspec.schedule import Schedule, ScheduleError, load_zone
from kubeapi.meta import JSON, ObjectKey, controller_of, copy_object, format_time, is_terminating, owner_reference
from kubeapi.objects.parts import map_at, spec_of, status_of
from kubeapi.scheme import CRONJOBS, JOBS, Resource
from kubeapi.validation.faults import go_value
from kubeapi.watching import Delta
from kubecontroller.batch.cronjob.history import CronHistory
from kubecontroller.batch.cronjob.schedule import due_time, schedule_of, seconds_to_next
from kubecontroller.change import NORMAL, WARNING, Change, Create, Outcome, RecordEvent, Requeue, UpdateStatus
from kubecontroller.listers import Listers

_SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class _Plan(NamedTuple):
    """What the schedule asks for: the time to start a Job for, None for none, the events, and the seconds to wait."""

    time: float | None = None
    events: tuple[RecordEvent, ...] = ()
    wait: float | None = None


def reconcile(cron_job: JSON, jobs: Sequence[JSON], is_taken: Callable[[str], bool], now: float) -> list[Change]:
    """Return what a CronJob needs; ``jobs`` are all that it controls, ``is_taken`` tells which Jobs' names others have.

    A Job is started first; the next reconcile, which it causes, notes it in the status.
    """
    plan = _plan(cron_job, now)
    name = job_name(cron_job, plan.time) if plan.time is not None else ""
    history = CronHistory(cron_job, jobs, name)
    history.clean_up()
    history.read()
    changes = [*history.changes, *plan.events]
    if plan.time is not None and (started := history.find_named(name)) is not None:
        history.note_start(started, plan.time)
    elif plan.time is not None and not history.has_active_named(name) and not is_taken(name):
        changes += _start(cron_job, history, plan.time)
    if history.status != status_of(cron_job):
        changes.append(UpdateStatus(CRONJOBS, {**cron_job, "status": history.status}))
    waits = [] if plan.wait is None or plan.wait == float("inf") else [Requeue(max(plan.wait, 0.0))]
    return [*changes, *waits]


def _plan(cron_job: JSON, now: float) -> _Plan:
    """Return what the schedule asks for at this time."""
    spec = spec_of(cron_job)
    if is_terminating(cron_job):
        return _Plan()
    try:
        zone = spec.get("timeZone")
        if zone is not None:
            load_zone(zone)
    except ScheduleError as error:
        return _fault(cron_job, "UnknownTimeZone", f"invalid timeZone: {go_value(zone)}: {error}")
    if spec.get("suspend"):
        return _Plan()
    try:
        schedule = schedule_of(cron_job)
    except ScheduleError as error:
        text = f"unparseable schedule: {go_value(spec.get('schedule'))} : {error}"
        return _fault(cron_job, "UnparseableSchedule", text)
    return _scheduled(cron_job, schedule, now)


def _scheduled(cron_job: JSON, schedule: Schedule, now: float) -> _Plan:
    spec, wait = spec_of(cron_job), seconds_to_next(cron_job, schedule, now)
    try:
        due = due_time(cron_job, schedule, now)
    except ScheduleError as error:
        return _fault(cron_job, "InvalidSchedule", f"invalid schedule: {spec.get('schedule')} : {error}")
    if due.time is None:
        return _Plan(wait=wait)
    events: tuple[RecordEvent, ...] = ()
    if due.has_missed_many:
        text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        events = (RecordEvent(cron_job, WARNING, "TooManyMissedTimes", text),)
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None and due.time + deadline < now:
        text = f"Missed scheduled time to start a job: {format_datetime(datetime.fromtimestamp(due.time, UTC))}"
        return _Plan(None, (*events, RecordEvent(cron_job, WARNING, "MissSchedule", text)), wait)
    if status_of(cron_job).get("lastScheduleTime") == format_time(due.time):
        return _Plan(None, events, wait)
    return _Plan(due.time, events, wait)


def _fault(cron_job: JSON, reason: str, message: str) -> _Plan:
    return _Plan(events=(RecordEvent(cron_job, WARNING, reason, message),))


def _start(cron_job: JSON, history: CronHistory, time: float) -> list[Change]:
    """Return the writes that start a Job, as far as the concurrency policy lets it."""
    policy = spec_of(cron_job).get("concurrencyPolicy")
    if policy == "Forbid" and history.active:
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        return [RecordEvent(cron_job, NORMAL, "JobAlreadyActive", text)]
    replaced = history.replace_active() if policy == "Replace" else []
    outcome = Outcome(cron_job, "FailedCreate", "Error creating job: {error}", "SuccessfulCreate", "Created job {name}")
    return [*replaced, Create(JOBS, _job(cron_job, time), outcome)]


def job_name(cron_job: JSON, time: float) -> str:
    """Return the name of the Job for a time: it has the minutes since the epoch."""
    return f"{cron_job['metadata']['name']}-{int(time) // 60}"


def _job(cron_job: JSON, time: float) -> JSON:
    template, zone = spec_of(cron_job)["jobTemplate"], spec_of(cron_job).get("timeZone")
    when = datetime.fromtimestamp(time, UTC if zone is None else load_zone(zone)).isoformat()
    metadata: JSON = {
        "name": job_name(cron_job, time),
        "namespace": cron_job["metadata"]["namespace"],
        "annotations": {**map_at(template, "metadata", "annotations"), _SCHEDULED_AT: when.replace("+00:00", "Z")},
        "ownerReferences": [owner_reference(cron_job)],
    }
    if labels := map_at(template, "metadata", "labels"):
        metadata["labels"] = dict(labels)
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": metadata,
        "spec": copy_object(template["spec"]),
    }


class CronJobController:
    """Runs ``reconcile`` for the CronJobs that a change concerns, and at their times."""

    name = "cronjob-controller"
    resource = CRONJOBS
    watches = (CRONJOBS, JOBS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the CronJobs to reconcile after a change."""
        if resource is CRONJOBS:
            return [delta.key]
        owners = [controller_of(each) for each in (delta.old, delta.new) if each is not None]
        return [
            ObjectKey(delta.key.namespace, each["name"]) for each in owners if each and each["kind"] == CRONJOBS.kind
        ]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        cron_job = self._listers.store.find(CRONJOBS, key)
        if cron_job is None:
            return []
        jobs = self._listers.controlled_by(JOBS, cron_job)
        own = {each["metadata"]["name"] for each in jobs}

        def is_taken(name: str) -> bool:
            return name not in own and self._listers.store.find(JOBS, ObjectKey(key.namespace, name)) is not None

        return reconcile(cron_job, jobs, is_taken, now)
