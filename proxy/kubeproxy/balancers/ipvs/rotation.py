"""IPVS ``rr`` and ``wrr``: the servers in turn (``ip_vs_rr.c``, ``ip_vs_wrr.c``).

Workers of one proxy have a rotation each, so that the cursor can stay at its server when the list changes.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Sequence
from math import gcd
from typing import NamedTuple

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options
from kubeproxy.balancers.ipvs.servers import Servers, predecessor


class Rr(Balancer):
    """Takes the next server of the list; weights count only where they are 0.

    The cursor stays where it is when servers come (at the front) and go.
    """

    name = "rr"
    aliases = ("ipvs_rr",)
    card = Card("each in turn, the one added last first", "none", "O(1)", "IPVS rr")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs, options
        self._servers = Servers()
        self._usable: Sequence[Backend] = ()
        self._last: Backend | None = None
        self._next = 0

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the next of {count} in turn, in the order of IPVS"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        change = self._servers.update(backends)
        if change is None:
            return
        order = self._servers.order
        self._last = predecessor(self._last, change.grown, order)
        passed = order.index(self._last) + 1 if self._last is not None else 0
        self._usable = [each for each in order if each.weight]
        self._next = sum(1 for each in order[:passed] if each.weight)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        usable, count = self._usable, len(self._usable)
        for step in range(count):
            place = (self._next + step) % count
            backend = usable[place]
            if not avoid or backend.address not in avoid:
                self._next, self._last = place + 1, backend
                return backend
        return self.pick(ask) if usable else None

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn."""
        return self._usable[self._next % len(self._usable)] if self._usable else None


class _Level(NamedTuple):
    """The servers with at least the weight ``least``, as ascending places in the list; ``merged`` weights are in."""

    least: int
    places: Sequence[int]
    merged: int


class Wrr(Balancer):
    """Passes over the list with a falling least weight: from the greatest weight down to 1, by the weights' divisor.

    So a heavy server gets its turns in a row. The least weight of now survives a change of the list: the kernel has
    1 for servers that come one after the other, and begins there. It is not looked for server by server: the places
    of each level are merged from those of the level before.
    """

    name = "wrr"
    aliases = ("ipvs_wrr",)
    has_weights = True
    card = Card("in turn, heavy ones several times in a row", "none", "O(1) amortised", "IPVS wrr")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs, options
        self._servers = Servers()
        self._greatest = self._divisor = 0
        self._top = 0
        self._by_weight: Sequence[tuple[int, Sequence[int]]] = ()
        self._level = _Level(0, (), 0)
        self._next = 0

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the next of {count} in turn by weight, in the order of IPVS"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        change = self._servers.update(backends)
        if change is None:
            return
        least = self._level.least
        for each in change.added:
            least = self._adapt(least, gcd(self._divisor, each.weight), max(self._greatest, each.weight))
        order = self._servers.order
        if change.is_reweighted or change.has_left:
            weights = [each.weight for each in order]
            least = self._adapt(least, gcd(*weights), max(weights, default=0))
        self._by_weight = _by_weight(order)
        self._level, self._next = self._descend(_Level(least, (), 0)), 0

    def _adapt(self, least: int, divisor: int, greatest: int) -> int:
        """Take over new limits as ``ip_vs_wrr_dest_changed`` does; return the least weight that holds then."""
        self._divisor, self._greatest = divisor, greatest
        step = divisor or 1
        self._top = greatest - (step - 1)
        if least > self._top or not least:
            return self._top
        return least // step * step + 1 if step > 1 else least

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if avoid and all(each.address in avoid for each in self._servers.order if each.weight):
            avoid = ()
        while (found := self._following()) is not None:
            backend, self._level, self._next = found
            if not avoid or backend.address not in avoid:
                return backend
        return None

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn."""
        found = self._following()
        return found[0] if found is not None else None

    def _following(self) -> tuple[Backend, _Level, int] | None:
        """Return the next backend, its level, and the turn after it on that level."""
        if not self._greatest:
            return None
        level, place = self._level, self._next
        while place >= len(level.places):
            least = level.least - (self._divisor or 1)
            level = self._descend(level._replace(least=least) if least > 0 else _Level(self._top, (), 0))
            place = 0
        return self._servers.order[level.places[place]], level, place + 1

    def _descend(self, level: _Level) -> _Level:
        """Add the servers that a lower least weight lets in."""
        least, places, merged = level
        fresh: list[int] = []
        while merged < len(self._by_weight) and self._by_weight[merged][0] >= least:
            fresh += self._by_weight[merged][1]
            merged += 1
        return _Level(least, _merge(places, fresh) if fresh else places, merged)


def _by_weight(order: Sequence[Backend]) -> Sequence[tuple[int, Sequence[int]]]:
    """Return each weight above 0 from the greatest on, with the places of the servers that have it."""
    places: dict[int, list[int]] = {}
    for place, each in enumerate(order):
        if each.weight:
            places.setdefault(each.weight, []).append(place)
    return sorted(places.items(), reverse=True)


def _merge(places: Sequence[int], fresh: Sequence[int]) -> Sequence[int]:
    if len(fresh) > 8:
        return sorted([*places, *fresh])
    merged = list(places)
    for each in fresh:
        insort(merged, each)
    return merged
