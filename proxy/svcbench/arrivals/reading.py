"""Schedules as users write them: rates, ramps, steps, and files of times. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isfinite

MOST_RATE = 1_000_000
"""Requests per second; more than any generator on one machine begins, so a larger number is a slip of the pen."""
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|m|min))?")


class ScheduleError(ValueError):
    """What is written is no schedule; says why, and how it is written."""


def read_rate(text: str) -> float:
    """Return the requests per second of ``500/s``, ``500`` or ``30/m``; ScheduleError."""
    rate = _number(text)
    if not 0 < rate <= MOST_RATE:
        message = f"{text!r}: a rate is above 0 and at most {MOST_RATE:,} requests per second"
        raise ScheduleError(message)
    return rate


def _number(text: str) -> float:
    found = _RATE.fullmatch(text.strip())
    if found is None:
        message = f'{text!r} is not a rate; write it like "500/s" or "30/m"'
        raise ScheduleError(message)
    return float(found[1]) / (1 if found[2] in (None, "s") else 60)


def read_ramp(text: str) -> tuple[float, float]:
    """Return both ends of ``100..2000``, of which one may be 0; ScheduleError."""
    first, dots, last = text.partition("..")
    if not dots:
        message = f'{text!r} is not a ramp; write it like "100..2000", in requests per second'
        raise ScheduleError(message)
    ends = _number(first), _number(last)
    if not 0 < max(ends) <= MOST_RATE:
        message = f"{text!r}: one end of a ramp is above 0, both are at most {MOST_RATE:,} requests per second"
        raise ScheduleError(message)
    return ends


def read_steps(text: str) -> tuple[float, ...]:
    """Return the rates of ``100,500,1000``; ScheduleError."""
    return tuple(read_rate(each) for each in text.split(","))


def read_trace(lines: Iterable[str]) -> tuple[float, ...]:
    """Return the times of a file: one in seconds on each line, its first word; "#" begins a comment. ScheduleError."""
    times: list[float] = []
    for number, line in enumerate(lines, 1):
        written = line.partition("#")[0].split()
        if written:
            times.append(_time(written[0], number, times[-1] if times else 0.0))
    if not times:
        message = "the file has no times; write one in seconds on each line"
        raise ScheduleError(message)
    return tuple(times)


def _time(text: str, number: int, before: float) -> float:
    try:
        time = float(text)
    except ValueError:
        time = float("nan")
    if not isfinite(time) or time < 0:
        message = f"line {number}: {text!r} is not a time in seconds from the start"
        raise ScheduleError(message)
    if time < before:
        message = f"line {number}: {text} comes after {before:g}; times must ascend"
        raise ScheduleError(message)
    return time
