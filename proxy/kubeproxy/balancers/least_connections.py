"""Least connections (IPVS ``lc``): the endpoint with the fewest connections through this Service port.

Endpoints with the same load take turns, as with HAProxy's ``leastconn``; otherwise the first one would get all traffic
of a quiet Service. The loads are kept sorted, by what this process is told and by what others say they have changed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.elsewhere import ChangedElsewhere
from kubeproxy.balancers.loadbuckets import LoadBuckets


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
        first = self._turns.taken()
        best = self._look(first, avoid) if avoid else self._find(first)
        if best < 0:
            return self.pick(ask) if self._usable else None
        self._turns.take(best + 1)
        return self._usable[(first + best) % len(self._usable)]

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend with the least load now."""
        first = self._turns.taken()
        best = self._find(first)
        return None if best < 0 else self._usable[(first + best) % len(self._usable)]

    def opened(self, backend: Backend) -> None:
        """Sort a backend anew."""
        self._resort(backend)

    def closed(self, backend: Backend) -> None:
        """Sort a backend anew."""
        self._resort(backend)

    def _sort(self) -> None:
        usable = self._usable
        self._places = {each: place for place, each in enumerate(usable)}
        self._elsewhere.update(usable)
        self._buckets = LoadBuckets(map(self._load, usable))

    def _resort(self, backend: Backend) -> None:
        place = self._places.get(backend)
        if place is not None:
            self._buckets.set(place, self._load(backend))

    def _find(self, first: int) -> int:
        """Return how many steps after ``first`` the backend with the least load comes, -1 if there is none."""
        count = len(self._usable)
        if not count:
            return -1
        for each in self._elsewhere.take():
            self._resort(each)
        start = first % count
        return (self._buckets.first_of_least(start) - start) % count

    def _look(self, first: int, avoid: Collection[str]) -> int:
        """Return the same without those in ``avoid``, by looking at each."""
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
