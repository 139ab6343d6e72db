"""Intervals for what was measured in blocks: the bootstrap over blocks, pairs kept together. Pure and seeded.

A resample draws as many blocks as there are, with replacement. It is the same for every algorithm and every figure, so
what a block did to all of them cancels out of their ratio. A statistic is a function of how often each block was drawn;
that of a percentile is the percentile of the drawn blocks' latencies put together.

The percentile interval is too narrow for few blocks. Its tails are taken further out by the factor that makes the
interval of a mean of normal values Student's (Hesterberg, "What Teachers Should Know About the Bootstrap", 2015, 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import ceil
from operator import mul
from random import Random
from statistics import NormalDist
from typing import NamedTuple

from svcbench.statistics.distributions import student_quantile

RESAMPLES = 2_000
LEVEL = 0.95
LEAST_BLOCKS = 5
"""From fewer blocks no interval is computed: all resamples of four are among 35, and the tails would be made up."""

Draw = tuple[int, ...]
"""How often a resample holds each block."""

Statistic = Callable[[Draw], float | None]
"""A figure of the drawn blocks; None where they have none, such as a ratio over nothing."""


class Estimate(NamedTuple):
    """A figure of all blocks, with its interval; ``low`` and ``high`` are None where there are too few blocks."""

    value: float
    low: float | None
    high: float | None
    blocks: int
    level: float

    def leaves_out(self, value: float) -> bool:
        """Tell whether the interval is there and does not hold a value."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high


def draws(blocks: int, seed: int, count: int = RESAMPLES) -> list[Draw]:
    """Return seeded resamples of ``blocks`` blocks."""
    rng = Random(seed)
    found: list[Draw] = []
    for _ in range(count):
        drawn = [0] * blocks
        for _ in range(blocks):
            drawn[int(rng.random() * blocks)] += 1
        found.append(tuple(drawn))
    return found


def estimate(statistic: Statistic, resamples: Sequence[Draw], level: float = LEVEL) -> Estimate | None:
    """Return a statistic of all blocks with its interval; None where all blocks together have no such figure.

    A resample without the figure is left out; where those are over a tail's share, there is no interval.
    """
    blocks = len(resamples[0]) if resamples else 0
    value = statistic((1,) * blocks) if blocks else None
    if value is None:
        return None
    found = (
        sorted(each for draw in resamples if (each := statistic(draw)) is not None) if blocks >= LEAST_BLOCKS else []
    )
    tail = _tail(level, blocks) if found else 0.0
    if not found or len(resamples) - len(found) > tail * len(resamples):
        return Estimate(value, None, None, blocks, level)
    return Estimate(value, quantile(found, tail), quantile(found, 1 - tail), blocks, level)


def _tail(level: float, blocks: int) -> float:
    t = student_quantile((1 - level) / 2, blocks - 1)
    return NormalDist().cdf(-t * (blocks / (blocks - 1)) ** 0.5)


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between two of them linearly."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def shared_level(comparisons: int) -> float:
    """Return the level of each interval with which ``comparisons`` hold together at ``LEVEL`` (Bonferroni)."""
    return 1 - (1 - LEVEL) / max(1, comparisons)


def ratio(mine: Statistic, other: Statistic) -> Statistic:
    """Return the statistic of one figure over another's in the same blocks."""

    def figure(draw: Draw) -> float | None:
        upper, lower = mine(draw), other(draw)
        return upper / lower if upper is not None and lower else None

    return figure


def difference(mine: Statistic, other: Statistic) -> Statistic:
    """Return the statistic of one figure less another's in the same blocks."""

    def figure(draw: Draw) -> float | None:
        upper, lower = mine(draw), other(draw)
        return upper - lower if upper is not None and lower is not None else None

    return figure


def share(parts: Sequence[float], wholes: Sequence[float]) -> Statistic:
    """Return the statistic of a sum over a sum: errors over requests, microseconds over requests."""

    def figure(draw: Draw) -> float | None:
        whole = sum(map(mul, draw, wholes))
        return sum(map(mul, draw, parts)) / whole if whole else None

    return figure


class Percentiles:
    """The percentiles of latencies in blocks. ``blocks`` has for each block how many requests took each latency."""

    def __init__(self, blocks: Sequence[Mapping[int, int]]) -> None:
        self._values = sorted(set().union(*blocks))
        reached = [0] * len(blocks)
        self._reached: list[tuple[int, ...]] = []
        for value in self._values:
            reached = [count + block.get(value, 0) for count, block in zip(reached, blocks, strict=True)]
            self._reached.append(tuple(reached))

    def at(self, percent: float) -> Statistic:
        """Return the statistic of the smallest latency that ``percent`` of the drawn requests do not pass.

        It remembers what it was for each draw, as a reference is compared with several others.
        """
        return cache(lambda draw: self._find(draw, percent))

    def _find(self, draw: Draw, percent: float) -> float | None:
        reached = self._reached
        total = sum(map(mul, draw, reached[-1])) if reached else 0
        if not total:
            return None
        rank = max(1, ceil(total * percent / 100 - 1e-9))
        low, high = 0, len(reached) - 1
        while low < high:
            middle = (low + high) // 2
            if sum(map(mul, draw, reached[middle])) < rank:
                low = middle + 1
            else:
                high = middle
        return self._values[low]
