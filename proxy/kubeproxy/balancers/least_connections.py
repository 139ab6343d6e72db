"""Least connections (IPVS ``lc``): the endpoint with the fewest connections through this Service port.

Endpoints with the same load take turns, as with HAProxy's ``leastconn``; otherwise the first one would get all traffic
of a quiet Service.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Balancer, Inputs
from kubeproxy.types import Endpoint


class LeastConnections(Balancer):
    """Looks at every endpoint, from the one after the last pick on, and takes the first with the least load."""

    name = "least_connections"
    shares_counts = True

    def __init__(self, inputs: Inputs) -> None:
        self._load = inputs.load
        self._turns = inputs.turns
        self._endpoints: Sequence[Endpoint] = ()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the fewest connections"

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
        """Return the endpoint with the least load now."""
        first = self._turns.taken()
        best = self._find(first, ())
        return None if best < 0 else self._endpoints[(first + best) % len(self._endpoints)]

    def _find(self, first: int, avoid: Collection[str]) -> int:
        """Return how many steps after ``first`` the endpoint with the least load comes, -1 if there is none."""
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
