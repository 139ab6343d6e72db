"""Timestamps and durations as text (RFC 3339, Go's time.ParseDuration). Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from kubeapi.cel.evaluation.arithmetic import moment, span
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.values import Duration, Timestamp
from kubeapi.serialization.gotime import read_time

_SECOND = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO, _MINUTE = 10**3, 60 * _SECOND
_UNITS = {"ns": 1, "us": _MICRO, "µs": _MICRO, "μs": _MICRO, "ms": 10**6, "s": _SECOND, "m": _MINUTE, "h": 60 * _MINUTE}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_OFFSET = re.compile(r"([+-]?\d{1,9}):([+-]?\d{1,9})", re.ASCII)


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
    try:
        time = read_time(text)
    except ValueError as error:
        raise EvaluationError(str(error)) from None
    return moment(time.second * _SECOND + time.nanosecond, time.offset)


def date_of(value: Timestamp, zone: str = "") -> datetime:
    """Return a moment as a date in a time zone (``Europe/Paris``, ``+02:00``), by default UTC; its fraction is lost."""
    date = _EPOCH + timedelta(seconds=value.nanos // _SECOND)
    try:
        return date.astimezone(_zone(zone)) if zone else date
    except (ValueError, LookupError, OSError):
        raise EvaluationError(f"unknown time zone {zone}") from None
    except OverflowError:  # another year than 1 to 9999 there, or no such offset
        raise EvaluationError("timestamp overflow") from None


def _zone(name: str) -> tzinfo:
    if found := _OFFSET.fullmatch(name):
        hours, minutes = int(found[1]), int(found[2])
        return timezone(timedelta(minutes=hours * 60 + (-minutes if name.startswith("-") else minutes)))
    return ZoneInfo(name)


def timestamp_text(value: Timestamp) -> str:
    """Return a moment in RFC 3339, by the clock in which it was written."""
    fraction = f"{value.nanos % _SECOND:09d}".rstrip("0")
    date = date_of(Timestamp(value.nanos + value.offset * _SECOND)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    hours, minutes = divmod(abs(value.offset) // 60, 60)
    zone = f"{'-' if value.offset < 0 else '+'}{hours:02d}:{minutes:02d}" if value.offset else "Z"
    return f"{date}{f'.{fraction}' if fraction else ''}{zone}"


def duration_text(value: Duration) -> str:
    """Return a duration in seconds (``3600s``, ``1.5s``); they are a double to cel-go, so nanoseconds can be lost."""
    seconds, nanos = divmod(abs(value.nanos), _SECOND)
    text = f"{Decimal(repr(float(seconds) + nanos / 1e9)):f}".removesuffix(".0")
    return f"{'-' if value.nanos < 0 else ''}{text}s"
