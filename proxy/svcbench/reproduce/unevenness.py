"""R8: how uneven random choices are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from math import comb

from svcbench.reproduce.figure import Figure, Reproduction
from svcbench.reproduce.scenarios import Bins
from svcbench.statistics.ranks import nearest_rank

_ITEMS = 1000


def _figures(is_thorough: bool) -> Iterator[Figure]:
    published = {10: "p50 100", 13: "p99 97: 13 servers are needed for at most 100"}
    for servers, percent, low, high in ((10, 50, 100, 100), (13, 99, 97, 97)):
        exact = _binomial(servers, percent)
        yield Figure(f"{servers} servers, binomial: p{percent}", published[servers], exact, low, high)
        loads = sorted(_loads("random", servers, 1000 if is_thorough else 100))
        drawn = nearest_rank(loads, percent)
        yield Figure(f"{servers} servers, as picked: p{percent}", published[servers], drawn, exact - 2, exact + 2)
    fullest = _fullest(3, 30, 10_000 if is_thorough else 1000)
    yield Figure("3 pods, 30 connections: the mean of the fullest", "12.7", fullest, 12.4, 13.0)


def _binomial(servers: int, percent: int) -> int:
    """Return the load that so many percent of the servers do not exceed, by theory."""
    chance = 1 / servers
    shares = (comb(_ITEMS, k) * chance**k * (1 - chance) ** (_ITEMS - k) for k in range(_ITEMS // 2))
    return next(k for k, share in enumerate(accumulate(shares)) if share >= percent / 100)


def _loads(algorithm: str, servers: int, trials: int) -> list[int]:
    loads = []
    for trial in range(trials):
        bins = Bins(algorithm, servers, seed=trial)
        bins.throw(_ITEMS)
        loads += bins.counts
    return loads


def _fullest(pods: int, connections: int, trials: int) -> float:
    total = 0
    for trial in range(trials):
        bins = Bins("random", pods, seed=trial)
        bins.throw(connections)
        total += max(bins.counts)
    return total / trials


UNEVENNESS = Reproduction(
    "R8", "random choices are uneven", "E. Jones, Random Load Balancing is Unevenly Distributed (2023)", _figures
)
