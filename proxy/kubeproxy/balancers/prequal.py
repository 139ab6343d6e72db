"""Prequal (Wydrowski et al., NSDI 2024): backends are asked for their load ahead of the requests that need one.

With each request some backends, drawn at random, are asked; their answers, which come later, serve the next requests.
Among the answers those with few requests in flight are cold, and the cold one with the lowest latency is taken.

It wins where backends differ, and loses where they do not: then proxies that share old answers run after the same
backend. In simulation, with 20 equal pods (one request at a time, exponential 20 ms, load 0.9), the p99 was 193 ms with
one proxy, least_connections 120 ms; with 20 proxies 556 ms, round_robin 440 ms, but 251 ms with answers of 50 ms at
most. It loses too where a backend has few requests a second, as answers are old then (`kubesvc bench --reproduce R3`).
Each request costs ``probes`` small requests more, and fewer of them than ``removals`` leave nothing to choose by.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isinf

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.probepool import ProbePool, reuse_budget

FEWEST = 2
"""With fewer answers than these, chance decides."""


class Prequal(Balancer):
    """Chooses by the answers of its pool; each worker of a proxy has its own."""

    name = "prequal"
    options = (
        Option("probes", 3.0, "endpoints asked with each request", low=0.0, high=16.0),
        Option("removals", 1.0, "answers removed with each request, the oldest and the worst in turn", 0.0, 16.0),
        Option("q_rif", 2**-0.25, "quantile of requests in flight above which an endpoint is hot", 0.0, 1.0),
        Option("pool", 16, "answers kept", low=FEWEST, high=1000),
        Option("max_age_seconds", 1.0, "how long an answer is kept", low=0.001),
        Option("delta", 1.0, "how much more often than they come answers may be used", low=0.0),
    )
    card = Card(
        "of the last answers about load the lowest latency, none with many requests in flight; loses to"
        " round_robin where many proxies ask endpoints that are equally fast",
        "probes of the endpoints: requests in flight, latency",
        "O(pool), and the probes",
        "Google Prequal",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._random = inputs.rng.random
        self._clock = inputs.clock
        self._ask = inputs.probe
        self._probes, self._removals = float(options["probes"]), float(options["removals"])
        self._age, self._delta = float(options["max_age_seconds"]), float(options["delta"])
        self._most = int(options["pool"])
        self._pool = ProbePool(self._most, float(options["q_rif"]), self._budget)
        self._owed = self._removals_owed = 0.0
        self._is_worst_next = False
        self._usable: Sequence[Backend] = ()
        self._uses = 1.0
        self._fraction: float | None = None
        """How often an answer may be used: whole times, and a part of one more; None where that is without end."""

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the fastest of {count} that is not busy, by what they have said of themselves"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._usable = available(backends)
        self._pool.know(self._usable)
        if self._usable:
            filled = self._most / len(self._usable)
            budget = reuse_budget(self._delta, self._probes, self._removals, filled)
            self._uses, self._fraction = (budget, None) if isinf(budget) else (int(budget), budget % 1)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none; some are asked for their load."""
        if not self._usable:
            return None
        self._send_probes()
        if avoid:
            return self._draw(available(self._usable, avoid))
        pool = self._pool
        pool.look(self._clock() - self._age)
        chosen = pool.use_best() if len(pool) >= FEWEST else None
        owed = self._removals_owed + self._removals
        while owed >= 1:
            owed -= 1
            self._is_worst_next = not self._is_worst_next
            if self._is_worst_next:
                pool.remove_oldest()
            else:
                pool.remove_worst()
        self._removals_owed = owed
        return chosen or self._draw(self._usable)

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return None: chance decides which are asked."""
        return None

    def _draw(self, usable: Sequence[Backend]) -> Backend:
        return usable[int(self._random() * len(usable))]

    def _send_probes(self) -> None:
        """Ask as many different backends as are owed."""
        usable, ask, hear, draw = self._usable, self._ask, self._pool.hear, self._random
        asked: list[int] = []
        owed, count = self._owed + self._probes, len(usable)
        number = int(owed)
        self._owed = owed - number
        for _ in range(min(count, number)):
            place = int(draw() * count)
            while place in asked:
                place = int(draw() * count)
            asked.append(place)
            ask(usable[place], hear)

    def _budget(self) -> float:
        """Return how often an answer may be used, rounded at random, so that the mean is kept."""
        return self._uses if self._fraction is None else self._uses + (self._random() < self._fraction)
