"""When a CronJob is due: the latest time of its schedule that it has not served, and the next one. Pure.

Follows k8s.io/kubernetes ``pkg/controller/cronjob/utils.go``: of several missed times only the latest is served.
"""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.jobspec.schedule import Schedule, ScheduleError, load_zone, parse_schedule
from kubeapi.meta import JSON, parse_time
from kubeapi.objects.parts import spec_of, status_of

NEXT_DELTA = 0.1
"""Seconds after a time at which it is looked at, so that it has come on any clock (nextScheduleDelta)."""
_MANY = 100


class Due(NamedTuple):
    """The latest time that is due and was not served, None if there is none, and whether many were missed.

    ``missed`` are the times since the last one that was served, ``since`` is where they are counted from.
    """

    time: float | None
    missed: int
    since: float

    @property
    def has_missed_many(self) -> bool:
        """Whether so many times were missed that the clock may be wrong."""
        return self.missed > _MANY


def schedule_of(cron_job: JSON) -> Schedule:
    """Return a CronJob's schedule, in its time zone; ScheduleError if one of them is unknown."""
    spec = spec_of(cron_job)
    zone = spec.get("timeZone")
    return parse_schedule(spec.get("schedule", ""), None if zone is None else load_zone(zone))


def due_time(cron_job: JSON, schedule: Schedule, now: float, *, has_deadline: bool = True) -> Due:
    """Return what is due now; with ``has_deadline`` nothing is that startingDeadlineSeconds has made too late.

    ScheduleError for a schedule that never is due (mostRecentScheduleTime).
    """
    last = status_of(cron_job).get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    since, deadline = parse_time(last), spec_of(cron_job).get("startingDeadlineSeconds")
    if has_deadline and deadline is not None:
        since = max(since, now - deadline)
    first = schedule.after(since)
    second = schedule.after(first) if first is not None else None
    if first is None or second is None:
        raise ScheduleError("time difference between two schedules is less than 1 second")
    if now < first:
        return Due(None, 0, since)
    if now < second:
        return Due(first, 0, since)
    interval = second - first
    missed = int(now - first) // int(interval) + 1
    # One interval before the estimate, as intervals may differ: "30 6-16/4 * * 1-5".
    latest: float | None = None
    moment = schedule.after(first + (missed - 2) * interval)
    while moment is not None and moment <= now:
        latest, moment = moment, schedule.after(moment)
    return Due(latest, missed, since)


def seconds_to_next(cron_job: JSON, schedule: Schedule, now: float) -> float:
    """Return the seconds until the schedule is to be looked at again (nextScheduleTimeDuration)."""
    try:
        due = due_time(cron_job, schedule, now, has_deadline=False)
    except ScheduleError:
        return float("inf")
    start = due.time if due.time is not None else (now if due.missed else due.since)
    following = schedule.after(start)
    return float("inf") if following is None else following + NEXT_DELTA - now
