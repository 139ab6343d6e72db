"""Timestamps and durations as text (RFC 3339, Go's time.ParseDuration). Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from kubeapi.cel.arithmetic import moment, span
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.values import Duration, Timestamp

_SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO, _MINUTE = 10**3, 60 * _SECOND
_UNITS = {"ns": 1, "us": _MICRO, "µs": _MICRO, "μs": _MICRO, "ms": 10**6, "s": _SECOND, "m": _MINUTE, "h": 60 * _MINUTE}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def read_duration(text: str) -> Duration:
    """Return the duration that a text is; EvaluationError if it is none."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return Duration(0)
    total, at = 0, 0
    while at < len(rest) and (found := _PART.match(rest, at)) and (found[1] or found[2]):
        unit = _UNITS[found[3]]
        total += int(found[1] or 0) * unit + int(found[2] or 0) * unit // 10 ** len(found[2] or "")
        at = found.end()
    if not rest or at < len(rest):
        raise EvaluationError(f'time: invalid duration "{text}"')
    return span(sign * total)


def read_timestamp(text: str) -> Timestamp:
    """Return the moment that a text is; EvaluationError if it is none."""
    found = _STAMP.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        zone = "+00:00" if found[3] == "Z" else found[3]
        seconds = (datetime.fromisoformat(found[1] + zone) - _EPOCH) // timedelta(seconds=1)
    except ValueError:
        why = f'cannot parse "{text}" as "2006"' if not text[:4].isdigit() else f'cannot parse "{text}"'
        detail = f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": {why}'
        raise EvaluationError(detail) from None
    return moment(seconds * _SECOND + int((found[2] or "0").ljust(9, "0")))


def date_of(value: Timestamp, zone: str = "") -> datetime:
    """Return a moment as a date in a time zone (``Europe/Paris``, ``+02:00``), by default UTC; its fraction is lost."""
    date = _EPOCH + timedelta(seconds=value.nanos // _SECOND)
    try:
        return date.astimezone(_zone(zone)) if zone else date
    except (ValueError, LookupError, OSError):
        raise EvaluationError(f"unknown time zone {zone}") from None


def _zone(name: str) -> tzinfo:
    if found := _OFFSET.fullmatch(name):
        minutes = int(found[2]) * 60 + int(found[3])
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    return ZoneInfo(name)


def timestamp_text(value: Timestamp) -> str:
    """Return a moment in RFC 3339, in UTC."""
    fraction = f"{value.nanos % _SECOND:09d}".rstrip("0")
    return date_of(value).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (f".{fraction}Z" if fraction else "Z")


def duration_text(value: Duration) -> str:
    """Return a duration in seconds (``3600s``, ``1.5s``)."""
    sign, nanos = "-" if value.nanos < 0 else "", abs(value.nanos)
    fraction = f"{nanos % _SECOND:09d}".rstrip("0")
    return f"{sign}{nanos // _SECOND}{f'.{fraction}' if fraction else ''}s"
