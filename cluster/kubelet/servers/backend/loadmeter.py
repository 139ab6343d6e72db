"""What a backend says of its load: requests in flight, and how long they take at such a load. Pure.

As Prequal's servers do: each latency is remembered with the number of requests that were in flight when it began, and
the median of the last ones of nearly the present number is told. Of a backend that has had nothing to do for a
second the last latency decays, as peak EWMA's does: at once forgotten, a slow one would be taken for a fast one again
and again; never forgotten, one that is fast again would get nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from math import exp

_SAMPLES = 9
"""Latencies that are remembered for each number in flight."""
_MOST_NUMBERS = 256
"""Numbers in flight that are told apart; larger ones count as this one."""
_FRESH_SECONDS = 1.0
"""A latency that ended longer ago does not count beside those that ended since."""
_DECAY_SECONDS = 2.0
"""After this time without requests a latency counts 1/e of what it was."""


class LoadMeter:
    """The load of one backend; at most 256 x 9 latencies are kept."""

    def __init__(self) -> None:
        self._under_way: list[tuple[float, float, int]] = []
        """When each request will be answered, how long it takes, and how many others it found: a heap."""
        self._samples: dict[int, list[tuple[float, float]]] = {}
        self._medians: dict[int, float] = {}
        """The median of all samples of a number, as long as no other one came."""
        self._last = (0.0, 0.0)
        """When the last request was answered, and how long it took."""

    def begin(self, now: float, finish: float) -> None:
        """Learn that a request has come, and when it will be answered."""
        self._look(now)
        found = min(len(self._under_way), _MOST_NUMBERS)
        heappush(self._under_way, (finish, finish - now, found))

    def report(self, now: float) -> tuple[int, float]:
        """Return the requests in flight and the latency in seconds, 0.0 if nothing is known of it."""
        self._look(now)
        in_flight = len(self._under_way)
        at, latency = self._last
        oldest = now - _FRESH_SECONDS
        if self._samples and at >= oldest:
            return in_flight, self._nearest(min(in_flight, _MOST_NUMBERS), oldest)
        return in_flight, latency * exp((at - now) / _DECAY_SECONDS)

    def _nearest(self, wanted: int, oldest: float) -> float:
        """Return the median at the nearest number that has a latency from ``oldest`` on; there is one, the last."""
        get = self._samples.get
        for distance in count():
            for found in (wanted - distance, wanted + distance) if distance else (wanted,):
                samples = get(found)
                if samples and samples[-1][0] >= oldest:
                    if samples[0][0] < oldest:
                        return _median([each for each in samples if each[0] >= oldest])
                    median = self._medians.get(found)
                    if median is None:
                        median = self._medians[found] = _median(samples)
                    return median
        raise AssertionError

    def _look(self, now: float) -> None:
        """Remember the latencies of the requests that are answered by now."""
        under_way = self._under_way
        while under_way and under_way[0][0] <= now:
            at, latency, found = heappop(under_way)
            self._last = sample = at, latency
            samples = self._samples.get(found)
            if samples is None:
                samples = self._samples[found] = []
            samples.append(sample)
            if len(samples) > _SAMPLES:
                del samples[0]
            self._medians.pop(found, None)


def _median(samples: Sequence[tuple[float, float]]) -> float:
    """Return the median latency, the higher one of two."""
    latencies = sorted([latency for _, latency in samples])
    return latencies[len(latencies) // 2]
