"""Peak EWMA (Finagle, Linkerd): the backend whose recent latency times its requests promises the earliest answer.

The rule is that of Finagle's ``PeakEwma``: a latency above the average replaces it at once, one below it moves it
slowly, and the average decays while nothing is heard. One of which nothing is known gets one request, and then no other
until that is answered. Known weakness, which Finagle's has too: an error that comes fast looks like a good answer.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from math import exp

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available

_UNKNOWN = 2**47 / 1e9
"""Seconds, in place of the cost of a backend that has requests and no answer yet: Finagle's Long.MaxValue >> 16 ns."""


class PeakEwma(Balancer):
    """Compares two different backends that are drawn at random, or all of them (``full_scan``).

    Each worker of a proxy knows the latencies that it has seen itself, and the connections of all.
    """

    name = "peak_ewma"
    options = (
        Option("decay_seconds", 10.0, "how long a latency counts", low=0.001),
        Option("default_rtt_ms", 0.0, "latency of a new endpoint (0: unknown; Linkerd: 30)", low=0.0),
        Option("full_scan", False, "compare all endpoints, not two"),
    )
    shares_counts = True
    follows = True
    card = Card(
        "of two drawn at random the lower latency x (connections + 1), peaks at once, decaying slowly",
        "time to first byte, connections now",
        "O(1), O(n) with full_scan",
        "Finagle, Linkerd, Envoy (contrib)",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._random = inputs.rng.random
        self._load = inputs.load
        self._clock = inputs.clock
        self._decay = float(options["decay_seconds"])
        self._default = float(options["default_rtt_ms"]) / 1000
        self._scans = bool(options["full_scan"])
        self._usable: Sequence[Backend] = ()
        self._places: dict[Backend, int] = {}
        # By place: average latency in seconds, and when it was that. Numbers side by side, because two drawn from many
        # objects are never in the processor's cache.
        self._costs, self._stamps = array("d"), array("d")

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets, of two drawn from {count} (of all with full_scan), the likely faster one"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on; those that stay keep what is known of them."""
        unknown = self._default, self._clock()
        known = {each: (self._costs[at], self._stamps[at]) for each, at in self._places.items()}
        self._usable = available(backends)
        self._places = {each: at for at, each in enumerate(self._usable)}
        self._costs = array("d", (known.get(each, unknown)[0] for each in self._usable))
        self._stamps = array("d", (known.get(each, unknown)[1] for each in self._usable))

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if avoid or self._scans:
            return self._best(avoid)
        usable, costs, stamps, draw, load = self._usable, self._costs, self._stamps, self._random, self._load
        count = len(usable)
        if count < 2:
            return usable[0] if count else None
        # As Finagle draws them: uniform, and never the same one twice.
        one, other = int(draw() * count), int(draw() * (count - 1))
        other += other >= one
        now, decay, first, second = self._clock(), self._decay, usable[one], usable[other]
        # ``_promise`` of both, where something is known of both: a hot path.
        cost = costs[one] * exp((stamps[one] - now) / decay)
        against = costs[other] * exp((stamps[other] - now) / decay)
        if cost and against:
            return first if cost * (load(first) + 1) <= against * (load(second) + 1) else second
        return first if self._promise(one, now) <= self._promise(other, now) else second

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the best where all are compared; otherwise chance decides."""
        return self._best(()) if self._scans else None

    def answered(self, backend: Backend, seconds: float) -> None:
        """Learn a latency."""
        place = self._places.get(backend)
        if place is None:
            return
        now, costs, stamps = self._clock(), self._costs, self._stamps
        cost = costs[place]
        if seconds < cost:
            weight = exp((stamps[place] - now) / self._decay)
            seconds = cost * weight + seconds * (1 - weight)
        costs[place], stamps[place] = seconds, now

    def _best(self, avoid: Collection[str]) -> Backend | None:
        """Return the best of all, without those in ``avoid`` if there are others."""
        now, places = self._clock(), range(len(self._usable))
        allowed = [at for at in places if self._usable[at].address not in avoid] or places
        best = min(allowed, key=lambda at: self._promise(at, now), default=None)
        return None if best is None else self._usable[best]

    def _promise(self, place: int, now: float) -> float:
        """Return the seconds after which an answer is to be expected."""
        load = self._load(self._usable[place])
        # Finagle observes a latency of 0 here, which decays the average: so does this, without writing it down.
        cost = self._costs[place] * exp((self._stamps[place] - now) / self._decay)
        return cost * (load + 1) if cost or not load else _UNKNOWN + load
