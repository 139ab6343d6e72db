"""Round robin, as kube-proxy's userspace mode had it (``pkg/proxy/userspace/roundrobin.go``).

The list is shuffled when the set changes, so that the first endpoint of a slice does not get the first
connection of every Service.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Balancer, Inputs
from kubeproxy.types import Endpoint


class RoundRobin(Balancer):
    """Picks the endpoints in turn. The same set keeps its order, however it is listed; another set is shuffled anew."""

    name = "round_robin"
    shares_counts = True

    def __init__(self, inputs: Inputs) -> None:
        self._rng = inputs.rng
        self._turns = inputs.turns
        self._endpoints: list[Endpoint] = []

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the next of {count} in turn"

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among ``endpoints`` from now on."""
        fresh = {each.address: each for each in endpoints}
        if fresh.keys() == {each.address for each in self._endpoints}:
            self._endpoints = [fresh[each.address] for each in self._endpoints]
            return
        # Sorted first, so that workers that saw other sets before shuffle to the same order.
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
        """Return the endpoint that has the next turn."""
        return self._endpoints[self._turns.taken() % len(self._endpoints)] if self._endpoints else None
