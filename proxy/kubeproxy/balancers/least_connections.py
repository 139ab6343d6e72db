"""Least connections (IPVS ``lc``): the endpoint with the fewest connections through this Service port.

Endpoints with the same load take turns, as with HAProxy's ``leastconn``; otherwise the first one would get all traffic
of a quiet Service.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available, own_load
from kubeproxy.balancers.loadbuckets import LoadBuckets


class LeastConnections(Balancer):
    """Takes the first with the least load, from the one after the last pick on.

    One process knows every load from what it is told, and keeps them sorted. A worker of several must look: others
    change loads as well. So does a connection that has failed somewhere, which is rare.
    """

    name = "least_connections"
    shares_counts = True
    follows = True
    card = Card(
        "the fewest connections, ties in turn",
        "connections now",
        "O(1), O(n) with several workers",
        "HAProxy leastconn, nginx least_conn",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._load = inputs.load
        self._turns = inputs.turns
        self._usable: Sequence[Backend] = ()
        self._places: dict[Backend, int] = {}
        self._buckets: LoadBuckets | None = None

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the fewest connections"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        usable = available(backends)
        if usable == self._usable:
            return
        self._usable = usable
        if self._load is own_load:
            self._places = {each: place for place, each in enumerate(usable)}
            self._buckets = LoadBuckets(map(own_load, usable)) if usable else None

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        first = self._turns.taken()
        best = self._find(first, avoid)
        if best < 0:
            return self.pick(ask) if self._usable else None
        self._turns.take(best + 1)
        return self._usable[(first + best) % len(self._usable)]

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend with the least load now."""
        first = self._turns.taken()
        best = self._find(first, ())
        return None if best < 0 else self._usable[(first + best) % len(self._usable)]

    def opened(self, backend: Backend) -> None:
        """Count one more."""
        self._change(backend, 1)

    def closed(self, backend: Backend) -> None:
        """Count one less."""
        self._change(backend, -1)

    def _change(self, backend: Backend, by: int) -> None:
        place = self._places.get(backend)
        if place is not None and self._buckets is not None:
            self._buckets.change(place, by)

    def _find(self, first: int, avoid: Collection[str]) -> int:
        """Return how many steps after ``first`` the backend with the least load comes, -1 if there is none."""
        if self._buckets is None or avoid:
            return self._look(first, avoid)
        count = len(self._usable)
        start = first % count
        return (self._buckets.first_of_least(start) - start) % count

    def _look(self, first: int, avoid: Collection[str]) -> int:
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
