"""R4: how even Maglev's table is, and what moves when a backend leaves."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

from kubeproxy.balancers.envoy.maglev import maglev_table
from svcbench.reproduce.figure import Figure, Reproduction
from svcbench.reproduce.scenarios import Bins

_HOSTS, _SIZE = 1000, 65537
_KEYS = 20_000
_RING_HOSTS, _POINTS = 20, 1000


def _figures(is_thorough: bool) -> Iterator[Figure]:
    hosts = [f"10.0.{number // 250}.{number % 250 + 1}:80" for number in range(_HOSTS)]
    table = _table(hosts, _SIZE)
    yield _evenness(table, _SIZE)
    if is_thorough:
        yield _evenness(_table(hosts, 655_373), 655_373)
    chance = Bins("random", _HOSTS)
    chance.throw(_SIZE)
    ratio = max(chance.counts) / (_SIZE / _HOSTS)
    yield Figure("rendezvous: over-provision, as much as by chance", "1.495", ratio, 1.40, 1.60, "x")
    moved = _moved(table, _table(hosts[1:], _SIZE))
    yield Figure("Maglev: entries of others that move with 1 of 1000", "Fig. 12", 100 * moved, 1e-9, 1.0, "%")
    yield from _ring()


def _table(hosts: Sequence[str], size: int) -> array[int]:
    steps = maglev_table([(each, 1) for each in hosts], size)
    while True:
        try:
            next(steps)
        except StopIteration as built:
            table: array[int] = built.value
            return table


def _evenness(table: array[int], size: int) -> Figure:
    counts = Counter(table).values()
    return Figure(f"Maglev, {size} entries: largest - smallest share", "0 or 1", max(counts) - min(counts), 0, 1)


def _moved(before: array[int], after: array[int]) -> float:
    """Return the share of the entries of hosts that stay which belong to another one when the first host is gone."""
    stayed = [(old, new + 1) for old, new in zip(before, after, strict=True) if old]
    return sum(old != new for old, new in stayed) / len(stayed)


def _ring() -> Iterator[Figure]:
    """Yield what moves on a ring where each host keeps its points when another one leaves."""
    before, after = (
        Bins("ring_hash", count, f'{{"minimum_ring_size": {count * _POINTS}}}')
        for count in (_RING_HOSTS, _RING_HOSTS - 1)
    )
    gone = _RING_HOSTS - 1
    pairs = [(before.pick(key).number, after.pick(key).number) for key in range(_KEYS)]
    moved = sum(old != new for old, new in pairs if old != gone)
    yield Figure("ring of 1000 points each: keys of others that move", "0", moved, 0, 0)


MAGLEV = Reproduction(
    "R4",
    "Maglev is even, and moves a little",
    "Eisenbud et al., Maglev: A Fast and Reliable Software Network Load Balancer (NSDI 2016), section 5.3",
    _figures,
    "Envoy's ring gives each host more points when another one leaves, which moves keys of others; here it does not.",
)
