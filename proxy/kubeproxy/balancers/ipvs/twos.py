"""IPVS ``twos``: the less loaded of two servers drawn by weight (``ip_vs_twos.c``, Linux 5.2 and later)."""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from kubeproxy.balancers.balancer import Ask, Backend, Card, Inputs, Options, available
from kubeproxy.balancers.ipvs.counting import INACTIVE, OVERHEAD, Counting
from kubeproxy.balancers.ranges import WeightRanges


class Twos(Counting):
    """The kernel draws a number from 0 to the sum of the weights, both included: the first server has 0 as well."""

    name = "twos"
    aliases = ("ipvs_twos",)
    options = (OVERHEAD, INACTIVE)
    card = Card("the less loaded of two drawn by weight", "connections now and ended", "O(1)", "IPVS twos")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._random = inputs.rng.random
        self._lots = WeightRanges()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the less loaded of two drawn by weight from {count}"

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        lots = WeightRanges(available(self._servers.order, avoid)) if avoid else self._lots
        if not lots.total:
            return None
        if self._ended.due != inf:
            self._ended.expire(self._clock())
        first, second = self._draw(lots), self._draw(lots)
        return second if self._cost_of(first) > self._cost_of(second) else first

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return None: chance decides."""
        return None

    def _renewed(self) -> None:
        self._lots = WeightRanges(available(self._servers.order))

    def _draw(self, lots: WeightRanges) -> Backend:
        number = int(self._random() * (lots.total + 1))
        return lots.at(number - 1 if number else 0)

    def _cost(self, active: int, inactive: int, weight: int) -> float:
        return (active * self._overhead + inactive) / weight
