"""R5: consistent hashing with bounded loads."""

from __future__ import annotations

from collections.abc import Iterator

from svcbench.reproduce.figure import Figure, Reproduction
from svcbench.reproduce.scenarios import Bins

_HOSTS = 100
_FACTORS = (110, 125, 200)
_ONE_MORE = "Envoy compares with <=, so a host gets one above the bound"
_RULES = {
    "haproxy_hash": ('{{"hash_type": "consistent", "balance_factor": {factor}}}', ""),
    "ring_hash": ('{{"hash_balance_factor": {factor}, "minimum_ring_size": 100}}', _ONE_MORE),
    "maglev": ('{{"hash_balance_factor": {factor}, "table_size": 10007}}', _ONE_MORE),
}


def _figures(is_thorough: bool) -> Iterator[Figure]:
    balls = 100_000 if is_thorough else 2000
    for algorithm, (options, reason) in _RULES.items():
        for factor in _FACTORS:
            bins = Bins(algorithm, _HOSTS, options.format(factor=factor))
            bins.throw(balls)
            bound = -(-factor * balls // (100 * _HOSTS))  # rounded up; a float would make 1101 of 1100
            what = f"{algorithm}, c = {factor / 100:g}: the fullest of {_HOSTS} with {balls} keys"
            yield Figure(what, f"at most {bound}", max(bins.counts), 0, bound, reason=reason)


BOUNDED_LOADS = Reproduction(
    "R5",
    "bounded loads stay below the bound",
    "Mirrokni, Thorup, Zadimoghaddam, Consistent Hashing with Bounded Loads (2016)",
    _figures,
)
