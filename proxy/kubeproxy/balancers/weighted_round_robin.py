"""Weighted round robin as nginx has it, "smooth": weights 5, 1, 1 give a a b a c a a, not five times a at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.nginx.rotation import SmoothRotation


class WeightedRoundRobin(Balancer):
    """Picks each backend as often as its weight says. Each worker of a proxy has a rotation of its own.

    nginx without ``zone`` does the same. One that leaves or changes its weight does not disturb the others' turns.
    """

    name = "weighted_round_robin"
    aliases = ("nginx_weighted",)
    has_weights = True
    card = Card("in turn by weight, evenly spread", "weights", "O(1)", "nginx round robin, Traefik wrr")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs, options
        self._rotation = SmoothRotation()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the next of {count} in turn, by weight"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._rotation.update(available(backends))

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        return self._rotation.take(avoid) or (self._rotation.take() if avoid else None)

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn."""
        return self._rotation.peek()
