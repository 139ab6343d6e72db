"""R3: Prequal against weighted round robin and the rest, its two knobs, and where it loses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from random import Random

from svcbench.outcomes import TIMED_OUT
from svcbench.reproduce.figure import Figure, Measure, Reproduction, Setup
from svcbench.reproduce.scenarios import by_chance, service
from svcbench.results import Run
from svcbench.simulation.measuring import simulate

_PODS, _SLOTS = 20, 4
_SPEEDS = (1.0, 0.5, 0.25)
_LOAD = 0.75
_DEADLINE = 5.0
_CLIENTS = 10
_DELAY = 0.0002
_SWITCHES = 4
"""How often each pod changes its speed in a run."""
_SPARE_SLOTS, _SPARE_LOAD, _SPARE_MEAN = 32, 0.3, 0.08
"""Pods that have processors to spare, as the publication's have those of their machine beside a tenth of their own."""


class _Regime:
    """Pods whose speeds change at times of their own; ``mean`` is a request's time at full speed, in seconds."""

    def __init__(self, mean: float, seconds: float, timeout: float) -> None:
        self._mean, self._seconds, self._timeout = mean, seconds, timeout
        rng = Random(7)
        self._speeds = [[rng.choice(_SPEEDS) for _ in range(_SWITCHES)] for _ in range(_PODS)]
        length = seconds / _SWITCHES
        self._models = [self._model(speeds, rng.random() * length, length) for speeds in self._speeds]
        capacity = sum(sum(speeds) / _SWITCHES for speeds in self._speeds) * _SLOTS / mean
        self.rate = _LOAD * capacity

    def _model(self, speeds: Sequence[float], first: float, length: float) -> str:
        changes = [
            f"at {first + number * length:.3f}s..{first + (number + 1) * length:.3f}s: speed {speed}"
            for number, speed in enumerate(speeds[1:])
        ]
        return "; ".join([f"exponential({self._mean * 1000:g}ms); slots {_SLOTS}; speed {speeds[0]}", *changes])

    def run(self, algorithm: str, **options: float) -> Run:
        """Return a run with an algorithm; weights are by the mean speed, which a weighted one knows beforehand."""
        weights = [round(100 * sum(each) / _SWITCHES) for each in self._speeds]
        is_weighted = algorithm == "weighted_round_robin"
        scenario = service(
            algorithm,
            self._models,
            by_chance(self.rate, self._seconds),
            json.dumps(options) if options else "",
            weights if is_weighted else (),
            clients=_CLIENTS,
            delay=_DELAY,
            timeout=self._timeout,
            warmup=self._seconds / 10,
        )
        return simulate(scenario)


def _p99(run: Run) -> float:
    return run.corrected.percentile(99) / 1000


def _figures(is_thorough: bool) -> Iterator[Figure]:
    busy = _Regime(0.01, 20 if is_thorough else 2, _DEADLINE)
    what = f"{busy.rate / _PODS:.0f} requests/s and pod"
    names = ("round_robin", "weighted_round_robin", "least_request", "prequal")
    runs = {name: busy.run(name) for name in names}
    for name in names:
        yield Figure(f"{what}, {name}: p99", "", _p99(runs[name]), unit="ms")
    prequal = _p99(runs["prequal"])
    yield Figure("Prequal / round robin, p99", "far below 1", prequal / _p99(runs["round_robin"]), 0, 0.5, "x")
    weighted = prequal / _p99(runs["weighted_round_robin"])
    yield Figure("Prequal / weighted round robin, p99", "0.5 (YouTube)", weighted, 0, 1, "x")
    yield Figure(
        "Prequal / two choices by own counts, p99", "below 1", prequal / _p99(runs["least_request"]), 0, 1, "x"
    )
    timeouts = runs["prequal"].errors.get(TIMED_OUT, 0)
    yield Figure("Prequal: requests over 5 s", "0 at every load", timeouts, 0, 0)
    yield from _sweeps(busy, is_thorough=is_thorough)
    yield from _losing(is_thorough)


def _sweeps(regime: _Regime, *, is_thorough: bool) -> Iterator[Figure]:
    yield from _spare_sweep(is_thorough)
    for quantile in (0.0, 0.5, 0.84, 0.99, 1.0) if is_thorough else (0.0, 1.0):
        run = regime.run("prequal", q_rif=quantile)
        yield Figure(f"no slots to spare, Q_RIF {quantile:g}: p99", "", _p99(run), unit="ms")
    for probes in (0.5, 1.0, 3.0, 5.0) if is_thorough else (0.5,):
        run = regime.run("prequal", probes=probes)
        yield Figure(f"Prequal, {probes:g} probes a request: p99", "worse only below 1", _p99(run), unit="ms")


def _spare_sweep(is_thorough: bool) -> Iterator[Figure]:
    times = {}
    for quantile in (0.0, 0.5, 0.84, 0.95, 0.99, 1.0) if is_thorough else (0.0, 0.99, 1.0):
        times[quantile] = _p99(_spare_run(quantile, 40 if is_thorough else 6))
        yield Figure(f"slots to spare, Q_RIF {quantile:g}: p99", "", times[quantile], unit="ms")
    yield Figure("p99 of Q_RIF 0.99 / of 0, which looks at requests alone", "0.88", times[0.99] / times[0], 0, 1, "x")
    yield Figure("p99 of Q_RIF 1, which looks at latency alone / of 0.99", "1.2", times[1.0] / times[0.99], 1, unit="x")


def _spare_run(quantile: float, seconds: float) -> Run:
    speeds = [1.0, 0.5] * (_PODS // 2)
    models = [f"exponential({1000 * _SPARE_MEAN:g}ms); slots {_SPARE_SLOTS}; speed {each}" for each in speeds]
    arrivals = by_chance(_SPARE_LOAD * sum(speeds) * _SPARE_SLOTS / _SPARE_MEAN, seconds)
    options = json.dumps({"q_rif": quantile})
    return simulate(service("prequal", models, arrivals, options, clients=_CLIENTS, delay=_DELAY, warmup=seconds / 10))


def _losing(is_thorough: bool) -> Iterator[Figure]:
    idle = _Regime(0.2, 200 if is_thorough else 40, 0.0)
    what = f"{idle.rate / _PODS:.1f} requests/s and pod"
    prequal, other = _p99(idle.run("prequal")), _p99(idle.run("least_request"))
    yield Figure(f"{what}, prequal: p99", "", prequal, unit="ms")
    yield Figure(f"{what}, least_request: p99", "", other, unit="ms")
    yield Figure(f"{what}: Prequal / two choices, p99", "", prequal / other, unit="x")


def _on_sockets(measure: Measure) -> Iterator[Figure]:
    models = ["exponential(10ms); slots 4"] * 8 + ["exponential(160ms); slots 4"] * 8
    times = {}
    for name in ("round_robin", "prequal"):
        # Round robin keeps the slots of a slow pod busy for 3/4 of the time.
        times[name] = _p99(measure(Setup(name, models, 300, 30, is_poisson=True)))
        yield Figure(f"16 pods, half of them 16 times slower, {name}: p99", "", times[name], unit="ms")
    ratio = times["round_robin"] / times["prequal"]
    yield Figure("p99 of round robin / Prequal", "8.6 (a small replication)", ratio, 4, unit="x")


PREQUAL = Reproduction(
    "R3",
    "Prequal, its knobs, and where it loses",
    "Wydrowski et al., Load is not what you should balance: Introducing Prequal (NSDI 2024)",
    _figures,
    "Published for 100 clients and 100 servers on shared machines; here 10 clients and 20 pods with 4 slots, whose "
    "speeds change between 1, 1/2 and 1/4. Which Q_RIF is best depends on what a request more costs. The published "
    "servers are given a tenth of their machine and may use what is idle of the rest, so that latency says how fast a "
    "machine is: so it is where pods have slots to spare (32 of them at a load of 0.3, half of the pods half as fast), "
    "and a high Q_RIF is best, but not 1. With no slots to spare a low one is: pods of low latency fill up to the "
    "threshold, and their requests wait. It loses where a pod has few requests a second: what it was told is old when "
    "it is used.",
    _on_sockets,
)
