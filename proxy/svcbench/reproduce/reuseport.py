"""R10: workers with queues of their own (SO_REUSEPORT), and workers that share one."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from svcbench.reproduce.figure import Figure, Reproduction
from svcbench.reproduce.scenarios import by_chance, service
from svcbench.results import Run
from svcbench.simulation.measuring import simulate

_RATE, _SECONDS, _WORKERS = 700, 60, 2
_SHORT, _LONG, _LONG_SHARE = 0.001, 0.05, 0.01
"""Seconds that a request keeps a worker busy; one in a hundred blocks it for long."""


def _figures(_is_thorough: bool) -> Iterator[Figure]:
    # The kernel gives a connection to a worker by its hash, which is to say by chance.
    own = _run("random", ["replay(mix); slots 1"] * _WORKERS)
    shared = _run("random", [f"replay(mix); slots {_WORKERS}"])
    times = [each.corrected.percentile(99) / 1000 for each in (own, shared)]
    yield Figure("p99, a queue for each worker", "", times[0], unit="ms")
    yield Figure("p99, one queue", "", times[1], unit="ms")
    yield Figure("p99, how many times larger", "much larger", times[0] / times[1], 1.0, unit="x")
    longest = [each.corrected.highest / 1000 for each in (own, shared)]
    yield Figure("the longest, how many times longer", "much longer", longest[0] / longest[1], 1.0, unit="x")


def _run(algorithm: str, models: list[str]) -> Run:
    rng = Random(1)
    mix = [_LONG if rng.random() < _LONG_SHARE else _SHORT for _ in range(10_007)]
    return simulate(service(algorithm, models, by_chance(_RATE, _SECONDS), replayed={"mix": mix}))


REUSEPORT = Reproduction(
    "R10",
    "a queue for each worker (SO_REUSEPORT), or one for all",
    "Cloudflare, Why does one NGINX worker take all the load? (2017)",
    _figures,
    "The publication's mean was the same; here, as theory has it for random choices, the mean is larger as well.",
)
