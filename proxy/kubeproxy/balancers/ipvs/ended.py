"""Connections that have ended and that IPVS still counts as inactive: a closed one is in TIME_WAIT for two minutes."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import NamedTuple

STEPS = 16
"""Ends within a sixteenth of the time are forgotten together, so that a server takes at most 17 entries."""


class _Step(NamedTuple):
    since: float
    ends: dict[str, int]


class Ended:
    """How many connections of each server (by ``ip:port``) have ended within the last ``seconds``.

    Each counts for between 15/16 of that time and all of it. ``due`` is when the next are forgotten.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._steps: deque[_Step] = deque()
        self.counts: dict[str, int] = {}
        self.due = inf

    def add(self, address: str, now: float) -> None:
        """Count one that ends ``now``."""
        if not self._seconds:
            return
        steps = self._steps
        if not steps or now >= steps[-1].since + self._seconds / STEPS:
            steps.append(_Step(now, {}))
            self.due = steps[0].since + self._seconds
        ends = steps[-1].ends
        ends[address] = ends.get(address, 0) + 1
        self.counts[address] = self.counts.get(address, 0) + 1

    def expire(self, now: float) -> set[str]:
        """Forget those whose time is over; return the servers that now have fewer."""
        changed: set[str] = set()
        if now < self.due:
            return changed
        while self._steps and now >= self._steps[0].since + self._seconds:
            for address, count in self._steps.popleft().ends.items():
                left = self.counts.pop(address) - count
                if left:
                    self.counts[address] = left
                changed.add(address)
        self.due = self._steps[0].since + self._seconds if self._steps else inf
        return changed
