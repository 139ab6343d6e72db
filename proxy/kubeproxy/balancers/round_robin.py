"""Round robin, as kube-proxy's userspace mode had it (``pkg/proxy/userspace/roundrobin.go``).

The list is shuffled when the set changes, so that the first endpoint of a slice is not every Service's favourite.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Rng, Turns
from kubeproxy.types import Endpoint


class RoundRobin:
    """Picks each endpoint in its turn. The same set in any order keeps its order here; another set gets a new one."""

    def __init__(self, rng: Rng, turns: Turns) -> None:
        self._rng = rng
        self._turns = turns
        self._endpoints: list[Endpoint] = []

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among ``endpoints`` from now on."""
        fresh = {each.address: each for each in endpoints}
        if fresh.keys() == {each.address for each in self._endpoints}:
            self._endpoints = [fresh[each.address] for each in self._endpoints]
            return
        # Sorted before, so that who knew other sets before comes to the same order by the same chance.
        self._endpoints = [fresh[address] for address in sorted(fresh)]
        self._rng.shuffle(self._endpoints)

    def pick(self, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return an endpoint, None if there is none."""
        endpoints, first = self._endpoints, self._turns.taken()
        for step in range(len(endpoints)):
            endpoint = endpoints[(first + step) % len(endpoints)]
            if endpoint.address not in avoid:
                self._turns.take(step + 1)
                return endpoint
        return self.pick() if endpoints else None

    def upcoming(self) -> Endpoint | None:
        """Return whose turn it is."""
        return self._endpoints[self._turns.taken() % len(self._endpoints)] if self._endpoints else None
