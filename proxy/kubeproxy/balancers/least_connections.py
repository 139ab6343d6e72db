"""Least connections (IPVS ``lc``): the endpoint with the fewest connections through this Service port.

Endpoints with the same load take turns, as with HAProxy's ``leastconn``; otherwise the first one would get all traffic
of a quiet Service. The loads are kept sorted, by what this process is told and by what others say they have changed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.elsewhere import ChangedElsewhere
from kubeproxy.balancers.loadbuckets import load_buckets


class LeastConnections(Balancer):
    """Takes the first with the least load, from the one after the last pick on; of all workers together, too.

    All backends are looked at only where a connection has failed before, and where others have changed too much.
    """

    name = "least_connections"
    shares_counts = True
    follows = True
    card = Card(
        "the fewest connections, ties in turn",
        "connections now",
        "O(1), and what other workers have changed",
        "HAProxy leastconn, nginx least_conn",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._load = inputs.load
        self._turns = inputs.turns
        self._elsewhere = ChangedElsewhere(inputs.changed)
        self._usable: Sequence[Backend] = ()
        self._sort()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the fewest connections"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        usable = available(backends)
        if usable != self._usable:
            self._usable = usable
            self._sort()

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        usable, turns = self._usable, self._turns
        if not usable:
            return None
        first = turns.taken()
        if avoid and (best := self._look(first, avoid)) >= 0:
            turns.take(best + 1)
            return usable[(first + best) % len(usable)]
        start = first % len(usable)
        for each in self._elsewhere.take():
            self.opened(each)
        place = self._buckets.first_of_least(start)
        turns.take((place - start) % len(usable) + 1)
        return usable[place]

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend with the least load now."""
        usable = self._usable
        for each in self._elsewhere.take():
            self.opened(each)
        return usable[self._buckets.first_of_least(self._turns.taken() % len(usable))] if usable else None

    def opened(self, backend: Backend) -> None:
        """Sort a backend anew."""
        place = self._places.get(backend)
        if place is not None:
            self._set(place, self._load(backend))

    closed = opened

    def _sort(self) -> None:
        usable = self._usable
        self._places = {each: place for place, each in enumerate(usable)}
        self._elsewhere.update(usable)
        self._buckets = load_buckets(map(self._load, usable))
        # Called for each connection twice: as an attribute it costs no second look.
        self._set = self._buckets.set

    def _look(self, first: int, avoid: Collection[str]) -> int:
        """Return how many steps after ``first`` that without those in ``avoid`` comes, by looking at each; or -1."""
        count = len(self._usable)
        best, least = -1, 0
        for step in range(count):
            backend = self._usable[(first + step) % count]
            if backend.address in avoid:
                continue
            load = self._load(backend)
            if best < 0 or load < least:
                best, least = step, load
            if load == 0:
                break
        return best
