"""nginx' ``random`` and ``random two least_conn``: chances by weight."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.nginx.rotation import TRIES, SmoothRotation
from kubeproxy.balancers.ranges import WeightRanges


class NginxRandom(Balancer):
    """Draws a backend, each with a chance by its weight; the next in turn after 20 that may not be chosen."""

    name = "nginx_random"
    has_weights = True
    card = Card("each with a chance by its weight", "weights", "O(1)", "nginx random")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._random = inputs.rng.random
        self._usable: Sequence[Backend] = ()
        self._ranges = WeightRanges()
        self._rotation = SmoothRotation()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets one of {count} with a chance by its weight"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._usable = available(backends)
        self._ranges = WeightRanges(self._usable)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if not self._ranges.total:
            return None
        for _ in range(TRIES):
            drawn = self._draw()
            if drawn.address not in avoid:
                return drawn
        return self._rotation.take_among(self._usable, avoid) or self._draw()

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return None: chance decides."""
        return None

    def _draw(self) -> Backend:
        return self._ranges.at(self._random() * self._ranges.total)


class NginxRandomTwo(NginxRandom):
    """Draws two different backends and takes the one with fewer connections for its weight, the second if equal."""

    name = "nginx_random_two"
    shares_counts = True
    card = Card(
        "the less loaded by weight of two, drawn by weight",
        "connections now",
        "O(1)",
        "nginx random two least_conn",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._load = inputs.load

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the less loaded of two of {count}, drawn by weight"

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if not self._ranges.total:
            return None
        first: Backend | None = None
        for _ in range(TRIES):
            drawn = self._draw()
            if drawn is first or drawn.address in avoid:
                continue
            if first is None:
                first = drawn
                continue
            return first if self._load(drawn) * first.weight > self._load(first) * drawn.weight else drawn
        return self._rotation.take_among(self._usable, avoid) or self._draw()
