"""Peak EWMA (Finagle, Linkerd): the backend whose recent latency times its requests promises the earliest answer.

The rule is that of Finagle's ``PeakEwma``: a latency above the average replaces it at once, one below it moves it
slowly, and the average decays while nothing is heard. One of which nothing is known gets one request, and then no other
until that is answered. Known weakness, which Finagle's has too: an error that comes fast looks like a good answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import exp

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available

_UNKNOWN = 2**47 / 1e9
"""Seconds, in place of the cost of a backend that has requests and no answer yet: Finagle's Long.MaxValue >> 16 ns."""


class _Latency:
    """The average latency of one backend in seconds as of ``stamp``."""

    __slots__ = ("backend", "cost", "stamp")

    def __init__(self, backend: Backend, cost: float, stamp: float) -> None:
        self.backend = backend
        self.cost = cost
        self.stamp = stamp


class PeakEwma(Balancer):
    """Compares two different backends that are drawn at random, or all of them (``full_scan``)."""

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
        self._latencies: dict[Backend, _Latency] = {}
        self._usable: list[_Latency] = []

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that promises the earliest answer, as far as they are compared"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on; those that stay keep what is known of them."""
        now, before = self._clock(), self._latencies
        self._latencies = {each: before.get(each) or _Latency(each, self._default, now) for each in backends}
        self._usable = [self._latencies[each] for each in available(backends)]

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        usable, count = self._usable, len(self._usable)
        if avoid:
            usable = [each for each in usable if each.backend.address not in avoid] or usable
            count = len(usable)
        if self._scans:
            return self._best(usable)
        if count < 2:
            return usable[0].backend if count else None
        # As Finagle draws them: uniform, and never the same one twice.
        one, other = int(self._random() * count), int(self._random() * (count - 1))
        first, second = usable[one], usable[other + (other >= one)]
        now = self._clock()
        return first.backend if self._promise(first, now) <= self._promise(second, now) else second.backend

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the best where all are compared; otherwise chance decides."""
        return self._best(self._usable) if self._scans else None

    def answered(self, backend: Backend, seconds: float) -> None:
        """Learn a latency."""
        latency = self._latencies.get(backend)
        if latency is None:
            return
        now = self._clock()
        weight = exp(-max(now - latency.stamp, 0.0) / self._decay)
        if seconds > latency.cost:
            latency.cost = seconds
        else:
            latency.cost = latency.cost * weight + seconds * (1 - weight)
        latency.stamp = now

    def _best(self, usable: Sequence[_Latency]) -> Backend | None:
        now = self._clock()
        best = min(usable, key=lambda each: self._promise(each, now), default=None)
        return best.backend if best is not None else None

    def _promise(self, latency: _Latency, now: float) -> float:
        """Return the seconds after which an answer is to be expected."""
        load, past = self._load(latency.backend), now - latency.stamp
        # Finagle observes a latency of 0 here, which decays the average: so does this, without writing it down.
        cost = latency.cost * exp(-past / self._decay) if past > 0 else latency.cost
        return cost * (load + 1) if cost or not load else _UNKNOWN + load
