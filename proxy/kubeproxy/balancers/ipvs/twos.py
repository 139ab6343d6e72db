"""IPVS ``twos``: the less loaded of two servers drawn by weight (``ip_vs_twos.c``, Linux 5.2 and later)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import accumulate
from math import inf
from typing import NamedTuple

from kubeproxy.balancers.balancer import Ask, Backend, Card, Inputs, Options, available
from kubeproxy.balancers.ipvs.counting import INACTIVE, OVERHEAD, Counting


class _Lots(NamedTuple):
    servers: Sequence[Backend]
    sums: Sequence[int]


class Twos(Counting):
    """The kernel draws a number from 0 to the sum of the weights, both included: the first server has 0 as well."""

    name = "twos"
    aliases = ("ipvs_twos",)
    options = (OVERHEAD, INACTIVE)
    card = Card("the less loaded of two drawn by weight", "connections now and ended", "O(log n)", "IPVS twos")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._rng = inputs.rng
        self._lots = _Lots((), ())

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the less loaded of two drawn by weight from {count}"

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        servers, sums = _lots(available(self._servers.order, avoid)) if avoid else self._lots
        if not servers:
            return None
        if self._ended.due != inf:
            self._ended.expire(self._clock())
        random, numbers = self._rng.random, sums[-1] + 1
        first = servers[bisect_left(sums, int(random() * numbers))]
        second = servers[bisect_left(sums, int(random() * numbers))]
        return second if self._cost_of(first) > self._cost_of(second) else first

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return None: chance decides."""
        return None

    def _renewed(self) -> None:
        self._lots = _lots(available(self._servers.order))

    def _cost(self, active: int, inactive: int, weight: int) -> float:
        return (active * self._overhead + inactive) / weight


def _lots(servers: Sequence[Backend]) -> _Lots:
    return _Lots(servers, list(accumulate(each.weight for each in servers)))
