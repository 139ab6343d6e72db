"""Least connections (IPVS ``lc``): the endpoint with the fewest connections through this Service port.

Ties go round, as HAProxy's ``leastconn`` does; else the first of the list would get all of a quiet Service's traffic.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Load, Turns
from kubeproxy.types import Endpoint


class LeastConnections:
    """Looks at every endpoint, from the one after the last pick on, and takes the first with the least load."""

    def __init__(self, load: Load, turns: Turns) -> None:
        self._load = load
        self._turns = turns
        self._endpoints: Sequence[Endpoint] = ()

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among ``endpoints`` from now on."""
        self._endpoints = endpoints

    def pick(self, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return an endpoint, None if there is none."""
        first = self._turns.taken()
        best = self._find(first, avoid)
        if best < 0:
            return self.pick() if self._endpoints else None
        self._turns.take(best + 1)
        return self._endpoints[(first + best) % len(self._endpoints)]

    def upcoming(self) -> Endpoint | None:
        """Return who has the least load now."""
        first = self._turns.taken()
        best = self._find(first, ())
        return None if best < 0 else self._endpoints[(first + best) % len(self._endpoints)]

    def _find(self, first: int, avoid: Collection[str]) -> int:
        """Return the steps from ``first`` on to the one with the least load, -1 if there is none."""
        count = len(self._endpoints)
        best, least = -1, 0
        for step in range(count):
            endpoint = self._endpoints[(first + step) % count]
            if endpoint.address in avoid:
                continue
            load = self._load(endpoint)
            if best < 0 or load < least:
                best, least = step, load
            if load == 0:
                break
        return best
