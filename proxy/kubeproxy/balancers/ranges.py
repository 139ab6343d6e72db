"""Numbers from 0 to the sum of all weights, of which each backend has as many in a row as its weight. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from kubeproxy.balancers.balancer import Backend


class WeightRanges:
    """Backends by a number below ``total``; a look costs the same for any number of them.

    The numbers are cut into as many cells of one width as there are backends. A cell knows with which backend it begins
    and the next one, so that few are to be looked at.
    """

    __slots__ = ("_cells", "_ends", "_usable", "_width", "total")

    def __init__(self, usable: Sequence[Backend] = ()) -> None:
        self._usable = usable
        weights = [each.weight for each in usable]
        self.total = sum(weights)
        self._width = width = -(-self.total // len(usable)) if usable else 1
        self._ends: Sequence[int]
        self._cells: Sequence[int]
        if max(weights, default=0) * len(weights) == self.total:
            # All weights are the same: a cell is one backend's.
            self._ends, self._cells = range(width, self.total + 1, width), range(len(usable) + 1)
        else:
            self._ends = array("q", accumulate(weights))
            self._cells = _cells(self._ends, width)

    def at(self, number: float) -> Backend:
        """Return the backend whose range has ``number``, which is at least 0 and below ``total``."""
        cell, cells = int(number) // self._width, self._cells
        return self._usable[bisect_right(self._ends, number, cells[cell], cells[cell + 1])]


def _cells(ends: Sequence[int], width: int) -> array[int]:
    """Return for each cell of a width the place of the first backend whose numbers end in it or later."""
    cells, begin = array("I"), 0
    for place, end in enumerate(ends):
        while begin < end:
            cells.append(place)
            begin += width
    cells.append(len(ends) - 1)
    return cells
