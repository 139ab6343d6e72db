"""Earliest deadline first: the schedule behind Envoy's ROUND_ROBIN and LEAST_REQUEST with unequal weights. Pure.

An entry with the weight w is due every 1/w. Of those that are due together the one that was lightest at first comes
first: Envoy adds 1e-13 to the weights when it makes a schedule, and that stays for ever
(``source/common/upstream/edf_scheduler.h``). Others come in the order in which they got their deadlines.

Envoy keeps a heap of all entries. Those of the same weight come in the order in which they went, so here they wait in
one line, and the heap has only the head of each line: a pick costs the same for ten and for ten thousand endpoints.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from math import lcm

from kubeproxy.balancers.balancer import Backend

Period = Callable[[Backend], float]
"""Returns how long a backend waits from one turn to the next: units / weight, above 0.

A whole number wherever it can be one: added up as fractions, what is due together would drift apart.
"""
_LARGEST = 1 << 52
"""Beyond it periods are rounded, by less than 1 in 10^13."""
_Entry = tuple[float, int, int, Backend]
"""Deadline, weight at first, number, backend. No two numbers are the same, so backends are never compared."""


def unit_of(weights: Sequence[int]) -> int:
    """Return what is divided by weights to give periods: their least common multiple, unless that is too large."""
    return min(lcm(*weights), _LARGEST)


class Schedule:
    """The deadlines of some backends.

    ``period`` is asked at first and again after each turn. ``start`` picks are regarded as taken, so that schedules of
    the same backends do not all begin with the same one.
    """

    __slots__ = ("_heads", "_lines", "_numbers", "_period")

    def __init__(self, backends: Sequence[Backend], period: Period, start: int) -> None:
        self._period = period
        self._numbers = count()
        self._lines: dict[float, deque[_Entry]] = {}
        periods = [period(each) for each in backends]
        pace = sum(1 / each for each in periods)
        turns = [int(start / each / pace) for each in periods]
        for at in sorted(range(len(turns)), key=lambda at: backends[at].weight):
            own = periods[at]
            line = self._lines.setdefault(own, deque())
            line.append(((turns[at] + 1) * own, backends[at].weight, next(self._numbers), backends[at]))
        self._heads = [(*line[0][:3], own) for own, line in self._lines.items()]
        heapify(self._heads)
        for _ in range(start - sum(turns)):
            self.take()

    def peek(self) -> Backend:
        """Return the backend that has the next turn; IndexError if there is none."""
        return self._lines[self._heads[0][3]][0][3]

    def take(self) -> Backend:
        """Return the backend that has the next turn, and take it; IndexError if there is none."""
        heads = self._heads
        own = heads[0][3]
        line = self._lines[own]
        now, first, _, backend = line.popleft()
        period = self._period(backend)
        entry = (now + period, first, next(self._numbers), backend)
        if period == own:
            line.append(entry)
        if line:
            heapreplace(heads, (*line[0][:3], own))
        else:
            heappop(heads)
            del self._lines[own]
        if period != own:
            self._add(entry, period)
        return backend

    def take_other(self, avoid: Collection[str]) -> Backend:
        """Return the first that is due of those whose address is not in ``avoid``; there must be one.

        Those that were due before it have lost their turns up to now.
        """
        due = [self._pop()]
        while due[-1][3].address in avoid:
            due.append(self._pop())
        now = due[-1][0]
        for _, first, _, backend in due:
            period = self._period(backend)
            self._add((now + period, first, next(self._numbers), backend), period)
        return due[-1][3]

    def _pop(self) -> _Entry:
        own = self._heads[0][3]
        line = self._lines[own]
        entry = line.popleft()
        if line:
            heapreplace(self._heads, (*line[0][:3], own))
        else:
            heappop(self._heads)
            del self._lines[own]
        return entry

    def _add(self, entry: _Entry, period: float) -> None:
        line = self._lines.get(period)
        if line is None:
            self._lines[period] = deque((entry,))
            heappush(self._heads, (*entry[:3], period))
        else:
            line.append(entry)
