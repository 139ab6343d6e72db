"""Least connections (IPVS ``lc``): the endpoint with the fewest connections through this Service port.

Ties go round, as HAProxy's ``leastconn`` does; else the first of the list would get all of a quiet Service's traffic.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Load
from kubeproxy.types import Endpoint


class LeastConnections:
    """Looks at every endpoint, from the one after the last pick on, and takes the first with the least load."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._endpoints: Sequence[Endpoint] = ()
        self._next = 0

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among ``endpoints`` from now on."""
        self._endpoints = endpoints

    def pick(self, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return an endpoint, None if there is none."""
        count = len(self._endpoints)
        best, least = -1, 0
        for step in range(count):
            index = (self._next + step) % count
            endpoint = self._endpoints[index]
            if endpoint.address in avoid:
                continue
            load = self._load(endpoint)
            if best < 0 or load < least:
                best, least = index, load
            if load == 0:
                break
        if best < 0:
            return self.pick() if count else None
        self._next = best + 1
        return self._endpoints[best]
