"""Finds the server of least cost without looking at all of them; of several, the first in the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import inf

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.levels import Levels


class Ranking:
    """The places of the servers in heaps, one for each cost; a server of infinite cost is in none.

    A server whose cost changes is added where it belongs now; its old entry is dropped when it comes up. All is sorted
    anew after twice as many changes as there are servers, so a server takes at most three entries.
    """

    def __init__(self, cost: Callable[[Backend], float]) -> None:
        self._cost = cost
        self._order: Sequence[Backend] = ()
        self._places: dict[str, int] = {}
        self._costs: list[float] = []
        self._levels = Levels[list[int]](list)
        self._until_sorted = 0

    def renew(self, order: Sequence[Backend]) -> None:
        """Rank the servers of ``order`` by their costs now."""
        self._order = order
        self._places = {each.address: place for place, each in enumerate(order)}
        self._costs = [self._cost(each) for each in order]
        self._sort()

    def _sort(self) -> None:
        self._levels = Levels(list)
        for place, cost in enumerate(self._costs):
            if cost != inf:
                # Ascending places are a heap already.
                self._levels.at(cost).append(place)
        self._until_sorted = 2 * len(self._costs) + 64

    def moved(self, address: str) -> None:
        """Learn that a server's cost may have changed; one that has left is ignored."""
        place = self._places.get(address)
        if place is None or (cost := self._cost(self._order[place])) == self._costs[place]:
            return
        self._costs[place] = cost
        self._until_sorted -= 1
        if self._until_sorted < 0:
            self._sort()
        elif cost != inf:
            heappush(self._levels.at(cost), place)

    def least(self) -> Backend | None:
        """Return the server of least cost, None if no cost is finite."""
        levels, costs = self._levels, self._costs
        while (places := levels.least()) is not None:
            cost = levels.lowest()
            while places:
                if costs[places[0]] == cost:
                    return self._order[places[0]]
                heappop(places)
        return None
