"""Weighted earliest deadline first: Envoy's ROUND_ROBIN, gRPC's weighted_round_robin without reports of load.

With equal weights it is a plain rotation. The start is random; another set of endpoints or other weights start anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.envoy.schedule import Schedule, unit_of


class WeightedEdf(Balancer):
    """Gives each backend a turn every 1/weight."""

    name = "weighted_edf"
    aliases = ("envoy_round_robin",)
    has_weights = True
    reads_weight = True
    card = Card("a turn every 1/weight, earliest deadline first", "none", "O(1)", "Envoy ROUND_ROBIN, Traefik wrr")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._rng = inputs.rng
        self._weight = inputs.weight
        self._known: list[tuple[Backend, int]] = []
        self._usable: Sequence[Backend] = ()
        self._unit = 1
        self._schedule = Schedule((), self.period, 0)

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} whose turn, every 1/weight, is due first"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        known = [(each, each.weight) for each in backends]
        if known == self._known:
            return
        self._known, self._usable = known, available(backends)
        weights = [each.weight for each in self._usable]
        self._unit = unit_of(weights)
        self._schedule = Schedule(self._usable, self.period, int(self._rng.random() * sum(weights)))

    def period(self, backend: Backend) -> float:
        """Return how long a backend waits for its next turn."""
        weight = self._weight(backend)
        return self._unit // backend.weight if weight == backend.weight else self._unit / weight

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if not self._usable:
            return None
        if avoid and any(each.address not in avoid for each in self._usable):
            return self._schedule.take_other(avoid)
        return self._schedule.take()

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn."""
        return self._schedule.peek() if self._usable else None
