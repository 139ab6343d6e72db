"""Arrivals by a rate that changes over time: constant, ramps and steps, evenly spaced or as a Poisson process. Pure.

Both spacings go through the inverse of the expected number of arrivals: the k-th arrival is where that number is k
(evenly), or the sum of k exponential times (a Poisson process with a changing rate, by time change).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import log, sqrt
from random import Random
from typing import NamedTuple


class Segment(NamedTuple):
    """``seconds`` in which the rate goes evenly from ``first`` to ``last``, both per second."""

    seconds: float
    first: float
    last: float

    @property
    def arrivals(self) -> float:
        """How many arrivals it expects."""
        return self.seconds * (self.first + self.last) / 2

    def before(self, at: float) -> float:
        """Return how many arrivals it expects before ``at`` seconds of it."""
        return at * self.first + (self.last - self.first) * at * at / (2 * self.seconds)

    def time_of(self, arrival: float) -> float:
        """Return after how many seconds so many arrivals are expected, at most ``arrivals``."""
        slope = (self.last - self.first) / self.seconds
        # The root of first * t + slope * t^2 / 2 = arrival, in the form that does not cancel where slope is 0.
        return 2 * arrival / (self.first + sqrt(max(0.0, self.first**2 + 2 * slope * arrival))) if arrival else 0.0


@dataclass(frozen=True)
class Profile:
    """Segments one after the other. ``text`` is how the command line says it."""

    segments: Sequence[Segment]
    is_poisson: bool = False
    text: str = ""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return sum(each.seconds for each in self.segments)

    def times(self, rng: Random) -> Iterator[float]:
        """Yield the times of arrivals."""
        wanted = _exponential(rng) if self.is_poisson else map(float, count())
        began, reached, arrival = 0.0, 0.0, next(wanted)
        for segment in self.segments:
            end = reached + segment.arrivals
            rate = segment.first if segment.first == segment.last else 0.0
            while arrival < end:
                # The same number to the last bit, for the rate that nearly all segments have.
                yield began + ((arrival - reached) / rate if rate else segment.time_of(arrival - reached))
                arrival = next(wanted)
            began, reached = began + segment.seconds, end

    def offered(self, after: float = 0.0, until: float | None = None) -> float:
        """Return the mean rate between two times, the end unless given, per second."""
        end = self.seconds if until is None else until
        return (self._before(end) - self._before(after)) / (end - after) if end > after else 0.0

    def _before(self, at: float) -> float:
        """Return how many arrivals are expected before a time."""
        expected, began = 0.0, 0.0
        for segment in self.segments:
            if at <= began:
                break
            expected += segment.before(min(segment.seconds, at - began))
            began += segment.seconds
        return expected

    def __str__(self) -> str:
        """Return it in the words of the command line."""
        return f"{self.text} --poisson" if self.is_poisson else self.text


def _exponential(rng: Random) -> Iterator[float]:
    reached, random = 0.0, rng.random
    while True:
        # As ``expovariate(1.0)`` does, whose call takes longer than this.
        reached -= log(1.0 - random())
        yield reached


def constant(rate: float, seconds: float) -> tuple[Segment, ...]:
    """Return the segment of one rate."""
    return (Segment(seconds, rate, rate),)


def ramp(first: float, last: float, seconds: float) -> tuple[Segment, ...]:
    """Return the segment that goes evenly from one rate to another."""
    return (Segment(seconds, first, last),)


def steps(rates: Sequence[float], seconds: float) -> tuple[Segment, ...]:
    """Return segments of equal length, one for each rate."""
    return tuple(Segment(seconds / len(rates), rate, rate) for rate in rates)


def with_warmup(segments: Sequence[Segment], seconds: float) -> tuple[Segment, ...]:
    """Return the segments behind a warm-up at the rate with which they begin."""
    first = segments[0].first
    return (Segment(seconds, first, first), *segments) if seconds else tuple(segments)
