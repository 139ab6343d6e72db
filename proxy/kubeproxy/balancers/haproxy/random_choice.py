"""HAProxy's ``random(draws)``: points of the consistent tree by chance, the least loaded server of those drawn.

The nearest point to a random number gets it, so that shares follow the arcs between the points: with one draw they
differ from the weights, by as much as a third where there are few points.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options
from kubeproxy.balancers.haproxy.tree import Tree


class HaproxyRandom(Balancer):
    """Draws and keeps the one with fewer connections for its weight, the later one if they are equal."""

    name = "haproxy_random"
    options = (Option("draws", 2, "how many are drawn", low=1, high=100),)
    shares_counts = True
    has_weights = True
    shares_tables = True
    card = Card(
        "the less loaded by weight of some drawn from a tree of points",
        "connections now",
        "O(1), 9 bytes a point",
        "HAProxy",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._random = inputs.rng.random
        self._load = inputs.load
        self._draws = int(options["draws"])
        self._tree = Tree(inputs.work)

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the least loaded of those that are drawn of {count}"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._tree.update(backends)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        best = self._draw(avoid)
        for _ in range(self._draws - 1):
            drawn = self._draw(avoid)
            if best is None or drawn is None:
                break
            if drawn is not best and self._load(drawn) * best.weight <= self._load(best) * drawn.weight:
                best = drawn
        return self.pick(ask) if best is None and avoid else best

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return None: chance decides."""
        return None

    def _draw(self, avoid: Collection[str]) -> Backend | None:
        number = int(self._random() * (1 << 32))
        return self._tree.find(number, (lambda each: each.address in avoid) if avoid else None)
