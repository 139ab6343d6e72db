"""Aperture (Finagle): a proxy uses a subset of the backends, and of two drawn from it the one with less load.

The subset's size follows the load: while the smoothed number of connections per backend of it is above a band, it grows
by one with each connection that begins or ends, below the band it shrinks. ``subset_size`` fixes it.

One proxy that knows of no other draws its subset at random, in an order that outlives changes of the others (gRPC's
random_subsetting, A68, with a fixed size). ``peers`` that have numbers share the backends evenly: both are placed on a
ring, each proxy covers an arc from its own place on, and a backend that an arc covers in part gets that part.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import blake2b
from math import exp

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available

_TRIES = 5
"""How often the second of two is drawn until it is another one: Finagle's maxEffort."""


class Aperture(Balancer):
    """Each worker of a proxy has a size of its own, and without peers a subset of its own; loads are those of all."""

    name = "aperture"
    options = (
        Option("peers", 1, "proxies that share the endpoints evenly", low=1, high=1_000_000, above="peer"),
        Option("peer", 0, "this one's number among them, from 0 on", low=0),
        Option("min_size", 1, "endpoints used at least", low=1),
        Option("subset_size", 0, "endpoints used whatever the load is (0: by load)", low=0),
        Option("low", 0.875, "connections per endpoint below which fewer are used", low=0.0),
        Option("high", 1.125, "connections per endpoint above which more are used", low=0.0, at_least="low"),
        Option("smoothing_seconds", 15.0, "window of the average load", low=0.001),
    )
    shares_counts = True
    follows = True
    card = Card(
        "of two drawn from a subset the one with fewer connections; the subset grows with the load",
        "connections now",
        "O(1)",
        "Finagle, gRPC random_subsetting",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._random, self._load, self._clock = inputs.rng.random, inputs.load, inputs.clock
        self._peers = int(options["peers"])
        self._place = int(options["peer"]) / self._peers
        self._fixed = int(options["subset_size"])
        self._least = self._size = self._fixed or int(options["min_size"])
        self._high = float(options["high"])
        self._low = float(options["low"])
        self._window = float(options["smoothing_seconds"])
        self._seed = str(self._random()).encode()
        self._order: Sequence[Backend] = ()
        self._members: frozenset[Backend] = frozenset()
        self._total, self._average, self._stamp = 0, 0.0, self._clock()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one with fewer connections of two drawn from a subset of {count}"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        usable = available(backends)
        self._members = frozenset(usable)
        self._order = usable if self._peers > 1 else sorted(usable, key=self._rank)
        self._total = sum(map(self._load, usable))

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if avoid:
            return self._pick_other(avoid)
        order, count = self._order, len(self._order)
        if count < 2 or self._size * self._peers == 1:
            return order[0] if count else None
        start, width = self._arc()
        one = other = int((start + self._random() * width) * count) % count
        for _ in range(_TRIES):
            other = int((start + self._random() * width) * count) % count
            if other != one:
                break
        return self._lesser(order[one], order[other])

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return None: chance decides."""
        return None

    def opened(self, backend: Backend) -> None:
        """Count one more, and follow the load."""
        self._adjust(backend, 1)

    def closed(self, backend: Backend) -> None:
        """Count one less, and follow the load."""
        self._adjust(backend, -1)

    def _arc(self) -> tuple[float, float]:
        """Return where the subset begins on the ring of all backends, and how long it is; the ring's length is 1."""
        count, size = len(self._order), min(self._size, len(self._order))
        if self._peers == 1:
            return 0.0, size / count
        # Whole turns of all peers together, so that each backend is covered equally often.
        turns = -(-size * self._peers // count)
        return self._place, min(1.0, turns / self._peers)

    def _lesser(self, one: Backend, other: Backend) -> Backend:
        return one if self._load(one) <= self._load(other) else other

    def _pick_other(self, avoid: Collection[str]) -> Backend | None:
        """Return one of the subset where nothing has failed, or of all."""
        order, count = self._order, len(self._order)
        if not count:
            return None
        start, width = self._arc()
        first, last = int(start * count), int((start + width) * count - 1e-9)
        subset = [order[place % count] for place in range(first, last + 1)]
        usable = [each for each in subset if each.address not in avoid] or available(order, avoid)
        one, other = (usable[int(self._random() * len(usable))] for _ in range(2))
        return self._lesser(one, other)

    def _adjust(self, backend: Backend, by: int) -> None:
        if backend not in self._members:  # one that gets nothing new, drained or ejected
            return
        self._total += by
        now = self._clock()
        weight = exp(-max(now - self._stamp, 0.0) / self._window)
        self._average = self._average * weight + self._total * (1 - weight)
        self._stamp = now
        load = self._average / self._size
        if self._fixed:
            return
        if load >= self._high and self._size < len(self._order):
            self._size += 1
        elif load <= self._low and self._size > self._least:
            self._size -= 1

    def _rank(self, backend: Backend) -> bytes:
        return blake2b(backend.address.encode(), digest_size=8, key=self._seed).digest()
