"""How much the endpoints get each second: differences of the counters between two looks at them. Pure.

Nothing is counted for it and nothing looks by itself: a question has the counters read, at most once a second. The
rate is that since the newest look that is at least WINDOW seconds old, or since the oldest one if all are newer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.types import ServicePortName

WINDOW = 10.0
"""Seconds over which a rate is taken at least, where there was a look so long ago: a look every 15 s has its own."""
SHORTEST = 1.0
"""Seconds between two looks."""
NEWEST = 3.0
"""Seconds for which a look is told of: where workers count, it comes a moment after the question."""
LONGEST = 120.0
"""Seconds after which a look is forgotten: a rate over hours would say nothing of now."""


class Count(NamedTuple):
    """The connections or requests that an endpoint was given so far, and those that last."""

    begun: int
    now: int


Counts = Mapping[tuple[ServicePortName, str], Count]
"""By Service port and endpoint (``ip:port``); those without any are not there. With "" it is what had no endpoint."""


class Look(NamedTuple):
    """The counters at a time, in monotonic seconds."""

    time: float
    counts: Counts


class Rates:
    """The looks of the last LONGEST seconds; ``started`` is when everything was 0."""

    def __init__(self, started: float) -> None:
        self._looks = [Look(started, {})]

    def is_due(self, now: float) -> bool:
        """Tell whether the newest look is old enough for another one."""
        return now - self._looks[-1].time >= SHORTEST

    def note(self, now: float, counters: ProxyCounters) -> None:
        """Keep a look at the counters."""
        kept = [each for each in self._looks if now - each.time <= LONGEST]
        self._looks = [*kept, Look(now, _counts(counters))]

    def between(self, now: float) -> tuple[Look, Look] | None:
        """Return the two looks whose difference tells the rates, None if there are none that are new enough."""
        *earlier, last = self._looks
        if not earlier or now - last.time > NEWEST:
            return None
        begins = [each for each in earlier if last.time - each.time >= WINDOW]
        return (begins[-1] if begins else earlier[0]), last


def _counts(counters: ProxyCounters) -> Counts:
    found = {
        (name, each.address): Count(each.connections, each.active)
        for name, port in counters.ports.items()
        if not name.is_pod
        for each in port.values()
        if each.connections
    }
    return found | {(name, ""): Count(refused, 0) for name, refused in counters.refused.items()}


def rate(looks: tuple[Look, Look], name: ServicePortName, address: str) -> float:
    """Return how much an endpoint was given each second between two looks."""
    first, last = looks
    begun = last.counts.get((name, address), _NONE).begun
    before = first.counts.get((name, address), _NONE).begun
    # An endpoint that has left and come back is counted anew.
    grown = begun - before if begun >= before else begun
    return grown / (last.time - first.time)


_NONE = Count(0, 0)


def now_at(look: Look, name: ServicePortName, address: str) -> int:
    """Return how many connections or requests of an endpoint lasted at a look."""
    return look.counts.get((name, address), _NONE).now
