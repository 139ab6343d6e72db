"""HAProxy's tree of points (``src/lb_chash.c``): 16 for each unit of weight, by the server's id. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.haproxy.functions import avalanche

_POINTS_PER_WEIGHT = 16
_POINTS_PER_ID = 4096
_CIRCLE = 1 << 32


class Tree:
    """Backends by the hash of a key: the nearest point on either side; each backend keeps its id as long as it stays.

    A new backend gets the smallest id that is free, the first ones theirs in the order of the list.
    """

    def __init__(self) -> None:
        self._ids: dict[Backend, int] = {}
        self._points = array("I")
        self._owners: list[Backend] = []

    def update(self, backends: Sequence[Backend]) -> None:
        """Have these backends from now on; those with weight 0 have no points, but keep their ids."""
        self._number(backends)
        points = sorted(point for each in backends for point in _points(self._ids[each], each))
        self._points = array("I", (point for point, _, _ in points))
        self._owners = [owner for _, _, owner in points]

    def find(self, value: int, refuses: Callable[[Backend], bool] | None = None) -> Backend | None:
        """Return the backend for the hash ``value``, None if there is none.

        One that ``refuses`` tells true of is passed by: the next one clockwise follows, None after a whole round.
        """
        count = len(self._points)
        if not count:
            return None
        after = bisect_left(self._points, value) % count
        before = self._points[after - 1]
        nearest = after - 1 if (value - before) % _CIRCLE <= (self._points[after] - value) % _CIRCLE else after
        if refuses is None:
            return self._owners[nearest]
        rounds = (self._owners[(nearest + step) % count] for step in range(count))
        return next((each for each in rounds if not refuses(each)), None)

    def _number(self, backends: Sequence[Backend]) -> None:
        kept = {each: self._ids[each] for each in backends if each in self._ids}
        used, free = set(kept.values()), 1
        for each in backends:
            if each not in kept:
                while free in used:
                    free += 1
                kept[each] = free
                used.add(free)
        self._ids = kept


def _points(number: int, backend: Backend) -> Iterator[tuple[int, int, Backend]]:
    """Yield the points of a server; no two of any servers are the same, for the hash can be reversed."""
    for point in range(backend.weight * _POINTS_PER_WEIGHT):
        yield avalanche(number * _POINTS_PER_ID + point), number, backend
