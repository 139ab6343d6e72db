"""R10: workers with queues of their own (SO_REUSEPORT), and workers that share one."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from svcbench.arrivals import Profile
from svcbench.reproduce.figure import Figure, Measure, Reproduction, Setup
from svcbench.reproduce.scenarios import by_chance, evenly, service
from svcbench.results import Run
from svcbench.simulation.measuring import simulate

_WORKERS = 2
_CLIENTS, _CLIENTS_ON_SOCKETS = 200, 32
_SHORT, _LONG, _LONG_SHARE = 0.001, 0.05, 0.01
"""Seconds that a request keeps a worker busy; one in a hundred blocks it for long."""
_SLOWER_ON_SOCKETS = 10
"""How many times longer that is where two cores carry the generator and the proxy as well."""
_RATE, _SECONDS = 700, 60


def _figures(is_thorough: bool) -> Iterator[Figure]:
    seconds = _SECONDS if is_thorough else _SECONDS / 6
    waiting = {"is_closed": True, "connections": _CLIENTS, "warmup": seconds / 10}
    yield from _compared(*(_run(evenly(1, seconds), has_own=each, **waiting) for each in (True, False)))
    own, shared = (_run(by_chance(_RATE, seconds), has_own=each) for each in (True, False))
    ratio = own.corrected.mean / shared.corrected.mean
    yield Figure("clients that do not wait, mean: a queue each / one queue", "", ratio, 1.0, unit="x")


def _compared(own: Run, shared: Run) -> Iterator[Figure]:
    """Yield what runs say of a queue for each worker and of one for all, where each client waits for its answer."""
    one, other = own.corrected, shared.corrected
    yield Figure("p99, a queue for each worker", "", one.percentile(99) / 1000, unit="ms")
    yield Figure("p99, one queue", "", other.percentile(99) / 1000, unit="ms")
    yield Figure("mean: a queue each / one queue", "comparable", one.mean / other.mean, 0.9, 1.1, "x")
    yield Figure("deviation: a queue each / one queue", "gigantic", one.deviation / other.deviation, 1.5, unit="x")
    yield Figure("the longest: a queue each / one queue", "much longer", one.highest / other.highest, 1.0, unit="x")


def _run(arrivals: Profile, *, has_own: bool, **more: Any) -> Run:
    # The kernel gives a connection to a worker by its hash, which is to say by chance.
    slots = [1] * _WORKERS if has_own else [_WORKERS]
    rng = Random(1)
    mix = [_LONG if rng.random() < _LONG_SHARE else _SHORT for _ in range(10_007)]
    models = [f"replay(mix); slots {each}" for each in slots]
    return simulate(service("random", models, arrivals, replayed={"mix": mix}, **more))


def _on_sockets(measure: Measure) -> Iterator[Figure]:
    times = [str(_SLOWER_ON_SOCKETS * each) for each in (_SHORT, _LONG)]
    runs = []
    for queues in ("own", "shared"):
        server = ("-m", "svcbench.load.io.blocking", "8080", str(_WORKERS), queues, *times, str(_LONG_SHARE))
        runs.append(measure(Setup("random", (), 0, _SECONDS, closed=_CLIENTS_ON_SOCKETS, server=server)))
    yield from _compared(*runs)


REUSEPORT = Reproduction(
    "R10",
    "a queue for each worker (SO_REUSEPORT), or one for all",
    "Cloudflare, Why does one NGINX worker take all the load? (2017)",
    _figures,
    "Two workers that serve one connection at a time. The publication's clients wait for their answers, so that by "
    "Little's law the mean is that of the throughput, which is the same as long as no queue is empty. Clients that do "
    "not wait have a larger mean too, as theory has it for random choices.",
    _on_sockets,
)
