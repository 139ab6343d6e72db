"""Axes: where a value is on a chart, and which values have a line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import NamedTuple

LOGARITHMIC_FROM = 8
"""Where the largest value is so many times the smallest one, a linear axis would hide the small ones."""


class Axis(NamedTuple):
    """A scale from ``low`` to ``high`` over ``length`` units; ``ticks`` are the values that have a line."""

    low: float
    high: float
    length: float
    ticks: tuple[float, ...]
    is_logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return how far from the axis' beginning a value is, cut off at its ends."""
        low, high = self.low, self.high
        value = min(max(value, low), high)
        if self.is_logarithmic:
            low, high, value = log10(low), log10(high), log10(value)
        return self.length * (value - low) / (high - low) if high > low else 0.0


_TICKS = 5
"""How many of them an axis from 0 has about."""


def linear(high: float, length: float) -> Axis:
    """Return an axis from 0 to a round value at or above ``high``."""
    step = _round_step(high / _TICKS if high > 0 else 1.0)
    count = max(1, ceil(high / step - 1e-9))
    return Axis(0.0, count * step, length, tuple(step * each for each in range(count + 1)))


def _round_step(least: float) -> float:
    power = 10.0 ** floor(log10(least))
    return next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= least * (1 - 1e-9))


def of_latencies(values: Sequence[float], length: float) -> Axis:
    """Return an axis for latencies, logarithmic where they are far apart."""
    some = [value for value in values if value > 0] or [1.0]
    low, high = min(some), max(some)
    return logarithmic(low, high, length) if high >= LOGARITHMIC_FROM * low else linear(high, length)


def logarithmic(low: float, high: float, length: float) -> Axis:
    """Return a logarithmic axis with lines at 1, 2 and 5 times the powers of ten; only at those over four of them."""
    first, last = floor(log10(low)), ceil(log10(high))
    factors = (1, 2, 5) if last - first <= 4 else (1,)
    every = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    begin = max((each for each in every if each <= low), default=low)
    end = min((each for each in every if each >= high), default=high)
    return Axis(begin, end, length, tuple(each for each in every if begin <= each <= end), True)


def of_percentiles(requests: int, length: float) -> Axis:
    """Return HdrHistogram's axis: as wide from 90 % to 99 % as from 99 % to 99.9 %, up to the slowest of ``requests``.

    Its values are 1 / (1 - share): 1 for the fastest request, 100 for 99 %.
    """
    last = max(2, ceil(log10(max(requests, 10)) - 1e-9))
    return Axis(1.0, 10.0**last, length, (1.0, 2.0, *(10.0**power for power in range(1, last + 1))), True)


def percentile_label(value: float) -> str:
    """Return what a tick of ``of_percentiles`` is called: 0 %, 50 %, 90 %, 99.9 %."""
    return f"{100 * (1 - 1 / value):.10g} %"
