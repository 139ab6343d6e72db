"""R9: subsets of the backends, drawn at random or shared evenly (Finagle's deterministic aperture)."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from svcbench.reproduce.figure import Figure, Reproduction
from svcbench.reproduce.scenarios import by_chance, service
from svcbench.simulation.measuring import simulate

_CLIENTS = _SERVERS = 100
_SIZE = 12
"""Twitter's minimum."""


def _figures(is_thorough: bool) -> Iterator[Figure]:
    chance = _deviation(f'{{"subset_size": {_SIZE}}}', is_thorough=is_thorough)
    even = _deviation(f'{{"subset_size": {_SIZE}, "peers": {_CLIENTS}}}', is_thorough=is_thorough)
    yield Figure("relative deviation of requests, subsets by chance", "", 100 * chance, unit="%")
    yield Figure("relative deviation of requests, shared evenly", "", 100 * even, unit="%")
    yield Figure("shared evenly / by chance", "0.22 (-78 %)", even / chance, 0, 0.3, "x")


def _deviation(options: str, *, is_thorough: bool) -> float:
    """Return the deviation of the pods' requests, divided by their mean."""
    schedule = by_chance(20_000, 20 if is_thorough else 2)
    run = simulate(service("aperture", ["exponential(5ms)"] * _SERVERS, schedule, options, clients=_CLIENTS))
    counts = [each.requests for each in run.pods.values()]
    mean = sum(counts) / len(counts)
    return sqrt(sum((each - mean) ** 2 for each in counts) / len(counts)) / mean


SUBSETS = Reproduction(
    "R9",
    "a deterministic aperture spreads requests evenly",
    "Twitter, Deterministic Aperture: A distributed, load balancing algorithm (2019)",
    _figures,
    "Published for Twitter's own clusters; here 100 clients with 12 of 100 servers each.",
)
