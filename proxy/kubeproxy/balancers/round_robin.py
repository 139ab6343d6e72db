"""Round robin, as kube-proxy's userspace mode had it (``pkg/proxy/userspace/roundrobin.go``).

The list is shuffled when the set changes, so that the first endpoint of a slice is not every Service's favourite.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Rng
from kubeproxy.types import Endpoint


class RoundRobin:
    """Picks each endpoint in its turn. The same set in any order keeps the position; another set starts anew."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._endpoints: list[Endpoint] = []
        self._next = 0

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among ``endpoints`` from now on."""
        fresh = {each.address: each for each in endpoints}
        if fresh.keys() == {each.address for each in self._endpoints}:
            self._endpoints = [fresh[each.address] for each in self._endpoints]
            return
        self._endpoints = list(fresh.values())
        self._rng.shuffle(self._endpoints)
        self._next = 0

    def pick(self, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return an endpoint, None if there is none."""
        count = len(self._endpoints)
        for step in range(count):
            endpoint = self._endpoints[(self._next + step) % count]
            if endpoint.address not in avoid:
                self._next = (self._next + step + 1) % count
                return endpoint
        return self.pick() if count else None
