"""R5: consistent hashing with bounded loads."""

from __future__ import annotations

from collections.abc import Iterator

from svcbench.reproduce.figure import Figure, Reproduction
from svcbench.reproduce.scenarios import Bins

_HOSTS = 100
_FACTORS = (110, 125, 200)
_RULES = {
    "haproxy_hash": ('{{"hash_type": "consistent", "balance_factor": {factor}}}', 0),
    "ring_hash": ('{{"hash_balance_factor": {factor}, "minimum_ring_size": 100}}', 1),
    "maglev": ('{{"hash_balance_factor": {factor}, "table_size": 10007}}', 1),
}
"""The options of the algorithms, and how many more than the publication's bound their program gives a host."""


def _figures(is_thorough: bool) -> Iterator[Figure]:
    balls = 100_000 if is_thorough else 2000
    for algorithm, (options, more) in _RULES.items():
        for factor in _FACTORS:
            bins = Bins(algorithm, _HOSTS, options.format(factor=factor))
            bins.throw(balls)
            bound = -(-factor * balls // (100 * _HOSTS))  # rounded up; a float would make 1101 of 1100
            what = f"{algorithm}, c = {factor / 100:g}: the fullest of {_HOSTS} with {balls} keys"
            yield Figure(what, f"at most {bound}", max(bins.counts), 0, bound + more)


BOUNDED_LOADS = Reproduction(
    "R5",
    "bounded loads stay below the bound",
    "Mirrokni, Thorup, Zadimoghaddam, Consistent Hashing with Bounded Loads (2016)",
    _figures,
    "Envoy, whose rule ring_hash and maglev follow, does not quite keep the publication's bound: its source "
    "(thread_aware_lb_impl.cc) takes a host while its load is <= its share, so that a host gets one more. The bands of "
    "these two are those of the source.",
)
