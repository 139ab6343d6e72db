"""HAProxy's tree of points (``src/lb_chash.c``): 16 for each unit of weight, by the server's id. Pure.

It has two million points at most, so that weights of more than 131,072 in all have fewer points each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.circles import arcs_around, weighted_circle
from kubeproxy.balancers.haproxy.functions import avalanche
from kubeproxy.balancers.orders import BuiltOrder
from kubeproxy.balancers.work import Work

_POINTS_PER_WEIGHT = 16
_POINTS_PER_ID = 4096


class Tree:
    """Backends by the hash of a key: the nearest point on either side; each backend keeps its id as long as it stays.

    One that comes gets the id that its address had before, if it is free, else the smallest that is free; the first
    ones get theirs in the order of the list. So a worker of a proxy that takes another one's place may give ids that
    the others do not have, and send some keys elsewhere.
    """

    def __init__(self, work: Work) -> None:
        self._ids: dict[Backend, int] = {}
        self._left: dict[str, int] = {}
        """The ids of addresses that have left, no more of them than there are backends."""
        self._weights: dict[Backend, int] = {}
        self._order = BuiltOrder(work)
        self._usable: Sequence[Backend] = ()

    def update(self, backends: Sequence[Backend]) -> None:
        """Have these backends from now on; those with weight 0 have no points, but keep their ids."""
        weights = {each: each.weight for each in backends}
        if weights == self._weights:
            return
        self._weights = weights
        self._number(backends)
        self._usable = [each for each in backends if each.weight]
        servers = tuple((self._ids[each], each.weight) for each in self._usable)
        made = weighted_circle(servers, _POINTS_PER_WEIGHT, _points, arcs_around)
        self._order.build(self._usable, ("haproxy tree", servers), made)

    def find(self, value: int, refuses: Callable[[Backend], bool] | None = None) -> Backend | None:
        """Return the backend for the hash ``value``, None if there is none.

        One that ``refuses`` tells true of is passed by: the next one clockwise follows, None after a whole round.
        """
        if not self._usable:
            return None
        if refuses is None:
            return self._order.first(value)
        return next((each for each in self._order.walk(value) if not refuses(each)), None)

    def _number(self, backends: Sequence[Backend]) -> None:
        before, self._ids = self._ids, {}
        for each in backends:
            if each in before:
                self._ids[each] = before.pop(each)
        self._left |= {each.address: number for each, number in before.items()}
        used, free = set(self._ids.values()), 1
        for each in backends:
            if each not in self._ids:
                number = self._left.pop(each.address, 0)
                while free in used:
                    free += 1
                self._ids[each] = number if number and number not in used else free
                used.add(self._ids[each])
        for address in list(self._left)[: -len(backends) or None]:
            del self._left[address]


def _points(number: int, count: int) -> Iterator[int]:
    """Return the points of a server; no two of any servers are the same, for the hash can be reversed."""
    return map(avalanche, range(number * _POINTS_PER_ID, number * _POINTS_PER_ID + count))
