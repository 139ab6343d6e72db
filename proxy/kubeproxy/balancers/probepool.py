"""What Prequal remembers of its probes, and which of them it prefers (Wydrowski et al., NSDI 2024, section 4). Pure.

A probe is hot where the backend has more requests in flight (RIF) than most do, by a quantile of what was heard lately.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import inf

from kubeproxy.balancers.balancer import Backend, Reported

HEARD = 128
"""Answers by which the distribution of requests in flight is known."""


class _Probe:
    """One answer; ``left`` is how often it may still be used."""

    __slots__ = ("at", "backend", "in_flight", "latency", "left")

    def __init__(self, backend: Backend, reported: Reported, at: float, left: float) -> None:
        self.backend = backend
        self.in_flight, self.latency = reported
        self.at = at
        self.left = left


class ProbePool:
    """At most ``most`` answers, the newest of each backend, the oldest first; ``quantile`` (0 to 1) divides hot."""

    def __init__(self, most: int, quantile: float) -> None:
        self._most = most
        self._quantile = quantile
        self._probes: dict[Backend, _Probe] = {}
        self._heard: deque[int] = deque()
        self._sorted: list[int] = []

    def __len__(self) -> int:
        return len(self._probes)

    def add(self, backend: Backend, reported: Reported, now: float, uses: float) -> None:
        """Take up an answer, which may be used ``uses`` times: a hot path."""
        probes, heard, ordered, in_flight = self._probes, self._heard, self._sorted, reported[0]
        if backend in probes:
            del probes[backend]
        elif len(probes) >= self._most:
            del probes[next(iter(probes))]
        probes[backend] = _Probe(backend, reported, now, uses)
        if len(heard) == HEARD:
            gone = heard.popleft()
            if gone != in_flight:
                del ordered[bisect_left(ordered, gone)]
                insort(ordered, in_flight)
        else:
            insort(ordered, in_flight)
        heard.append(in_flight)

    def forget(self, backend: Backend) -> None:
        """Forget the answer of a backend that has left."""
        self._probes.pop(backend, None)

    def expire(self, before: float) -> None:
        """Remove the answers that came earlier."""
        while self._probes:
            backend, probe = next(iter(self._probes.items()))
            if probe.at >= before:
                return
            del self._probes[backend]

    def remove_oldest(self) -> None:
        """Remove the answer that came first."""
        if self._probes:
            del self._probes[next(iter(self._probes))]

    def remove_worst(self) -> None:
        """Remove the hot one with the most requests, the cold one with the highest latency if none is hot."""
        limit, worst, most, slowest = self._limit(), None, -1, -1.0
        for each in self._probes.values():
            if each.in_flight > limit:
                if each.in_flight > most:
                    worst, most = each, each.in_flight
            elif most < 0 and each.latency > slowest:
                worst, slowest = each, each.latency
        if worst is not None:
            del self._probes[worst.backend]

    def use_best(self) -> Backend | None:
        """Return the cold one with the lowest latency, the hot one with the fewest requests if none is cold.

        It is taken to have one request more from now on.
        """
        limit, best, fewest, fastest = self._limit(), None, inf, inf
        for each in self._probes.values():
            if each.in_flight <= limit:
                if each.latency < fastest:
                    best, fastest = each, each.latency
            elif fastest == inf and each.in_flight < fewest:
                best, fewest = each, each.in_flight
        if best is None:
            return None
        best.in_flight += 1
        best.left -= 1
        if best.left <= 0:
            del self._probes[best.backend]
        return best.backend

    def _limit(self) -> int:
        heard = self._sorted
        return heard[min(int(self._quantile * len(heard)), len(heard) - 1)] if heard else 0


def reuse_budget(delta: float, probes: float, removals: float, filled: float) -> float:
    """Return how often an answer may be used; ``filled`` is the pool's size by the number of backends.

    Unlimited where no more new answers come in than are removed: then only age and removal end them.
    """
    gained = (1 - filled) * probes - removals
    return max(1.0, (1 + delta) / gained) if gained > 0 else inf
