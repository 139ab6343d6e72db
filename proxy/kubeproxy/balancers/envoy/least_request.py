"""Least request (Envoy's LEAST_REQUEST, gRPC's least_request): the least busy of a few picked at random.

With equal weights ``choices`` endpoints are drawn, which may be the same one twice, and the one with the fewest
connections or requests wins, the first drawn of several. gRPC allows 2 to 10 choices. With unequal weights, or where an
endpoint starts slowly (until endpoints change again), turns come as in ``weighted_edf``, with the weight
weight / (active + 1) ^ ``active_request_bias`` (``source/extensions/load_balancing_policies/least_request``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.envoy.schedule import Schedule, unit_of


class LeastRequest(Balancer):
    """Draws a few backends and takes the least busy; by deadlines where weights differ."""

    name = "least_request"
    aliases = ("p2c", "envoy_least_request")
    options = (
        Option("choices", 2, "how many are drawn (Envoy's `choice_count`)", 2, 100),
        Option("active_request_bias", 1.0, "how much load lowers an unequal weight, 0 for not at all", 0),
        Option("selection_method", "N_CHOICES", "FULL_SCAN looks at all instead", allowed=("N_CHOICES", "FULL_SCAN")),
    )
    shares_counts = True
    has_weights = True
    reads_weight = True
    card = Card(
        "the least busy of two drawn; unequal weights: earliest deadline first by weight/(load + 1)",
        "connections or requests now",
        "O(choices); FULL_SCAN: O(n)",
        "Envoy LEAST_REQUEST, gRPC, Traefik p2c, Finagle p2c",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._random = inputs.rng.random
        self._load = inputs.load
        self._weight = inputs.weight
        self._draws = range(int(options["choices"]) - 1)
        self._bias = float(options["active_request_bias"])
        self._scans = options["selection_method"] == "FULL_SCAN"
        self._known: list[tuple[Backend, int]] = []
        self._usable: Sequence[Backend] = ()
        self._unit = 1
        self._schedule: Schedule | None = None

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return (
            f"each {unit} gets the least busy of a few drawn from {count}; where weights differ, a turn by weight/load"
        )

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        known = [(each, each.weight) for each in backends]
        if known == self._known:
            return
        self._known, self._usable = known, available(backends)
        shares = {share for each in self._usable for share in (each.weight, self._weight(each))}
        weights = [each.weight for each in self._usable]
        self._unit = unit_of(weights)
        start = int(self._random() * sum(weights))
        self._schedule = Schedule(self._usable, self.period, start) if len(shares) > 1 else None

    def period(self, backend: Backend) -> float:
        """Return how long a backend waits for its next turn, where weights differ: the longer the busier it is."""
        weight, bias = self._weight(backend), self._bias
        alone = self._unit // backend.weight if weight == backend.weight else self._unit / weight
        busy = self._load(backend) + 1
        return alone * busy if bias == 1 else alone * float(busy**bias) if bias else alone

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        usable = available(self._usable, avoid) if avoid else self._usable
        if not usable:
            return None
        if self._schedule is not None:
            has_other = len(usable) < len(self._usable)
            return self._schedule.take_other(avoid) if has_other else self._schedule.take()
        return self._scan(usable) if self._scans else self._draw(usable)

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn where weights differ, else None: chance decides."""
        return self._schedule.peek() if self._schedule is not None else None

    def _draw(self, usable: Sequence[Backend]) -> Backend:
        draw, load, count = self._random, self._load, len(usable)
        best = usable[int(draw() * count)]
        least = load(best)
        for _ in self._draws:
            other = usable[int(draw() * count)]
            if (its := load(other)) < least:
                best, least = other, its
        return best

    def _scan(self, usable: Sequence[Backend]) -> Backend:
        """Return one of those with the least load, each with the same chance."""
        loads = [self._load(each) for each in usable]
        least = min(loads)
        tied = [each for each, load in zip(usable, loads, strict=True) if load == least]
        return tied[int(self._random() * len(tied))]
