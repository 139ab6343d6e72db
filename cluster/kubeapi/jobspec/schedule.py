"""Schedules of CronJobs: the grammar of crontab lines; ``crontimes`` says when one is due. Pure but for zone files.

Follows github.com/robfig/cron/v3 ``parser.go``, whose messages users see: five fields, names of months
and days, ``?`` for ``*``, the descriptors ``@hourly`` ... and ``@every 1h30m``. A day matches if its day of month *or*
its day of week is named, unless one of the two fields begins with a star.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kubeapi.jobspec.crontimes import Calendar, Field
from kubeapi.serialization.duration import parse_duration
from kubeapi.validation.faults import go_value

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_ZONES = ("TZ=", "CRON_TZ=")
_NUMBER = re.compile(r"[+-]?[0-9]+")


class ScheduleError(ValueError):
    """A schedule that cannot be read; its text is robfig/cron's."""


class _Bounds(NamedTuple):
    """The least and the greatest number of a field, and the names of some."""

    least: int
    most: int
    names: Mapping[str, int] = {}


_FIELDS = (_Bounds(0, 59), _Bounds(0, 23), _Bounds(1, 31), _Bounds(1, 12, _MONTHS), _Bounds(0, 6, _DAYS))
"""Minute, hour, day of month, month, day of week."""


class Schedule(Protocol):
    """When something is due."""

    def after(self, moment: float) -> float | None:
        """Return the first time after ``moment``, both in seconds since the epoch; None if there is none."""
        ...


class Every(NamedTuple):
    """A schedule of a fixed number of seconds, which counts from the last time that it was due."""

    seconds: int

    def after(self, moment: float) -> float:
        """Return the whole second ``seconds`` after ``moment``."""
        return float(int(moment) + self.seconds)


def parse_schedule(text: str, zone: ZoneInfo | None = None) -> Schedule:
    """Return the schedule of a text, in UTC unless in ``zone``; ScheduleError for a text that is none."""
    if not text:
        raise ScheduleError("empty spec string")
    if text.startswith(_ZONES):
        text, zone = _split_zone(text)
    if text.startswith("@"):
        if text.startswith(_EVERY):
            return _every(text)
        if text not in _DESCRIPTORS:
            raise ScheduleError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ScheduleError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minutes, hours, days, months, weekdays = map(_parse_field, fields, _FIELDS)
    return Calendar(minutes, hours, days, months, weekdays, zone)


def load_zone(name: str) -> ZoneInfo:
    """Return a time zone of the IANA's database; ScheduleError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # also a folder, or a name that is no path
        raise ScheduleError(f"unknown time zone {name}") from None


def _split_zone(text: str) -> tuple[str, ZoneInfo]:
    """Return a schedule that begins with a time zone without it, and the zone."""
    prefix, blank, rest = text.partition(" ")
    name = prefix.partition("=")[2]
    if not blank:
        raise ScheduleError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
    try:
        return rest.strip(), load_zone(name)
    except ScheduleError as error:
        raise ScheduleError(f"provided bad location {name}: {error}") from None


def _every(text: str) -> Every:
    duration = text[len(_EVERY) :]
    seconds = parse_duration(duration.removeprefix("-").removeprefix("+"))
    if seconds is None:
        raise ScheduleError(f"failed to parse duration {text}: time: invalid duration {go_value(duration)}")
    # Less than a second, or a negative time, is a second.
    return Every(1 if duration.startswith("-") else max(int(seconds), 1))


def _parse_field(text: str, bounds: _Bounds) -> Field:
    parts = [_parse_range(each, bounds) for each in text.split(",") if each]
    return Field(frozenset().union(*(each.numbers for each in parts)), any(each.is_star for each in parts))


def _parse_range(text: str, bounds: _Bounds) -> Field:
    """Return the numbers of ``NUMBER``, ``NUMBER-NUMBER`` or ``*``, each with or without ``/STEP``."""
    limits_text, *steps = text.split("/")
    limits = limits_text.split("-")
    if is_star := limits[0] in ("*", "?"):
        first, last = bounds.least, bounds.most
    else:
        if len(limits) > 2:
            raise ScheduleError(f"too many hyphens: {text}")
        first = _parse_number(limits[0], bounds.names)
        last = _parse_number(limits[1], bounds.names) if len(limits) == 2 else first
    if len(steps) > 1:
        raise ScheduleError(f"too many slashes: {text}")
    step = _parse_number(steps[0], {}) if steps else 1
    if steps and len(limits) == 1:
        last = bounds.most
    _check_range(text, bounds, (first, last, step))
    return Field(frozenset(range(first, last + 1, step)), is_star and step == 1)


def _check_range(text: str, bounds: _Bounds, numbers: tuple[int, int, int]) -> None:
    first, last, step = numbers
    if first < bounds.least:
        raise ScheduleError(f"beginning of range ({first}) below minimum ({bounds.least}): {text}")
    if last > bounds.most:
        raise ScheduleError(f"end of range ({last}) above maximum ({bounds.most}): {text}")
    if first > last:
        raise ScheduleError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise ScheduleError(f"step of range should be a positive number: {text}")


def _parse_number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not _NUMBER.fullmatch(text):
        raise ScheduleError(f"failed to parse int from {text}: strconv.Atoi: parsing {go_value(text)}: invalid syntax")
    if int(text) < 0:
        raise ScheduleError(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)
