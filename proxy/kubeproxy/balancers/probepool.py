"""What Prequal remembers of its probes, and which of them it prefers (Wydrowski et al., NSDI 2024, section 4). Pure.

A probe is hot where the backend has more requests in flight (RIF) than most do, by a quantile of what was heard lately.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Collection
from math import inf

from kubeproxy.balancers.balancer import Backend

HEARD = 128
"""Answers by which the distribution of requests in flight is known."""
_HOT = 2.0**40
"""What the score of a hot one has beside its requests: no latency is as long, and they stay exact."""

_Probe = tuple[float, int, float, float, float]
"""An answer: its score, requests in flight, latency, when it came, how often it may still be used (0: not used yet).

The score of a cold one is its latency, that of a hot one its requests, beyond every latency.
"""


class ProbePool:
    """At most ``most`` answers, the newest of each backend, the oldest first; ``quantile`` (0 to 1) divides hot.

    ``budget`` returns how often an answer may be used; it is asked when one is used first.
    """

    def __init__(self, most: int, quantile: float, budget: Callable[[], float]) -> None:
        self._most = most
        self._quantile = quantile
        self._budget = budget
        self._known: frozenset[Backend] = frozenset()
        self._has_left = False
        """Whether a backend that was known is not any more: it may still answer."""
        self._probes: dict[Backend, _Probe] = {}
        self._heard: deque[int] = deque()
        self._sorted: list[int] = []
        self._limit = 0
        """The most requests in flight of one that is cold."""

    def __len__(self) -> int:
        return len(self._probes)

    def know(self, backends: Collection[Backend]) -> None:
        """Hear these backends from now on, and forget what all others have answered."""
        before, self._known = self._known, frozenset(backends)
        self._has_left = self._has_left or not before <= self._known
        for each in self._probes.keys() - self._known:
            del self._probes[each]

    def hear(self, backend: Backend, reported: tuple[int, float], now: float) -> None:
        """Take up an answer, none of a backend that is not known: a hot path."""
        probes = self._probes
        if backend in probes:
            del probes[backend]
        elif self._has_left and backend not in self._known:
            return
        elif len(probes) >= self._most:
            del probes[next(iter(probes))]
        in_flight, latency = reported
        score = latency if in_flight <= self._limit else _HOT + in_flight
        probes[backend] = score, in_flight, latency, now, 0
        heard, ordered = self._heard, self._sorted
        heard.append(in_flight)
        if len(heard) > HEARD:
            gone = heard.popleft()
            if gone == in_flight:
                return
            del ordered[bisect_left(ordered, gone)]
        insort(ordered, in_flight)

    def look(self, before: float) -> None:
        """Before a request: remove the answers that came earlier than ``before``, and find out which are hot."""
        probes, ordered = self._probes, self._sorted
        limit = ordered[min(int(self._quantile * len(ordered)), len(ordered) - 1)] if ordered else 0
        if limit != self._limit:
            probes = self._score_by(limit)
        while probes:
            backend = next(iter(probes))
            if probes[backend][3] >= before:
                return
            del probes[backend]

    def remove_oldest(self) -> None:
        """Remove the answer that came first."""
        if self._probes:
            del self._probes[next(iter(self._probes))]

    def remove_worst(self) -> None:
        """Remove the hot one with the most requests, the cold one with the highest latency if none is hot."""
        worst, highest = None, -1.0
        for backend, (score, _, _, _, _) in self._probes.items():
            if score > highest:
                worst, highest = backend, score
        if worst is not None:
            del self._probes[worst]

    def use_best(self) -> Backend | None:
        """Return the cold one with the lowest latency, the hot one with the fewest requests if none is cold.

        It is taken to have one request more from now on.
        """
        best, lowest = None, inf
        for backend, (score, _, _, _, _) in self._probes.items():
            if score < lowest:
                best, lowest = backend, score
        if best is None:
            return None
        _, in_flight, latency, came, left = self._probes[best]
        left = (left or self._budget()) - 1
        if left <= 0:
            del self._probes[best]
        else:
            self._probes[best] = self._score(in_flight + 1, latency), in_flight + 1, latency, came, left
        return best

    def _score(self, in_flight: int, latency: float) -> float:
        return latency if in_flight <= self._limit else _HOT + in_flight

    def _score_by(self, limit: int) -> dict[Backend, _Probe]:
        self._limit = limit
        self._probes = {
            backend: (self._score(in_flight, latency), in_flight, latency, came, left)
            for backend, (_, in_flight, latency, came, left) in self._probes.items()
        }
        return self._probes


def reuse_budget(delta: float, probes: float, removals: float, filled: float) -> float:
    """Return how often an answer may be used; ``filled`` is the pool's size by the number of backends.

    Unlimited where no more new answers come in than are removed: then only age and removal end them.
    """
    gained = (1 - filled) * probes - removals
    return max(1.0, (1 + delta) / gained) if gained > 0 else inf
