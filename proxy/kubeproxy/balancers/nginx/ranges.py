"""Numbers from 0 to the sum of all weights, of which each server has as many in a row as its weight. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from kubeproxy.balancers.balancer import Backend


class WeightRanges:
    """Backends by a number below ``total``; O(log n)."""

    def __init__(self, usable: Sequence[Backend] = ()) -> None:
        self._usable = usable
        self._ends = list(accumulate(each.weight for each in usable))
        self.total = self._ends[-1] if self._ends else 0

    def at(self, number: float) -> Backend:
        """Return the backend whose range has ``number``, which is at least 0 and below ``total``."""
        return self._usable[bisect_right(self._ends, number)]


TRIES = 20
"""After how many backends that may not be chosen nginx gives up the method and takes the next in turn."""
