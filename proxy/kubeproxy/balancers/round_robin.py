"""Round robin, as kube-proxy's userspace mode had it (``pkg/proxy/userspace/roundrobin.go``).

The list is shuffled when the set changes, so that the first endpoint of a slice does not get the first
connection of every Service.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available


class RoundRobin(Balancer):
    """Picks the backends in turn. The same set keeps its order, however it is listed; another set is shuffled anew."""

    name = "round_robin"
    shares_counts = True
    card = Card("each in turn, in an order shuffled once", "none", "O(1)", "kube-proxy userspace")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._rng = inputs.rng
        self._turns = inputs.turns
        self._order: list[Backend] = []

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the next of {count} in turn"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        fresh = {each.address: each for each in available(backends)}
        if fresh.keys() == {each.address for each in self._order}:
            self._order = [fresh[each.address] for each in self._order]
            return
        # Sorted first, so that workers that saw other sets before shuffle to the same order.
        self._order = [fresh[address] for address in sorted(fresh)]
        self._rng.shuffle(self._order)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        order, turns = self._order, self._turns
        if not order:
            return None
        first = turns.taken()
        if avoid:
            for step in range(len(order)):
                backend = order[(first + step) % len(order)]
                if backend.address not in avoid:
                    turns.take(step + 1)
                    return backend
        turns.take(1)
        return order[first % len(order)]

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn."""
        return self._order[self._turns.taken() % len(self._order)] if self._order else None
