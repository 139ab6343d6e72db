"""Maglev (Envoy's MAGLEV): a table in which every endpoint has its share of the entries, read at hash modulo size.

Each endpoint walks through the table in an order of its own, from XXH64(address) mod size on in steps of XXH64 with
seed 1 mod (size - 1) + 1, and in its turn takes the next entry that is free; with weights, turns are left out
(``source/extensions/load_balancing_policies/maglev/maglev_lb.cc``; the paper: Eisenbud et al., NSDI 2016, section 3.4).
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Hashable, Iterator, Sequence
from itertools import count
from math import isqrt

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Card, Inputs, Options
from kubeproxy.balancers.envoy.consistent import HASH_OPTIONS, ConsistentHash
from kubeproxy.balancers.envoy.hashing import xxh64
from kubeproxy.balancers.orders import Entries, Hosts, Layout

_STEP = 10_000
"""Entries that are looked at in one step, where a turn is as much work as four more: 1 to 3 ms."""
_TURN = 4
_HASHED = 500
"""Addresses that are hashed in one step, twice each."""


def _size_fault(size: int) -> str:
    is_prime = size > 1 and all(size % each for each in range(2, isqrt(size) + 1))
    return "" if is_prime else "must be a prime number, such as 251, 65537 or 655373"


class Maglev(ConsistentHash):
    """Reads the backend of a key from a table."""

    name = "maglev"
    aliases = ("envoy_maglev",)
    options = (
        Option("table_size", 65537, "entries of the table, a prime number", 2, 5_000_011, check=_size_fault),
        *HASH_OPTIONS,
    )
    card = Card("a table with equal shares, by the key's hash", "the key", "O(1), 4 bytes an entry", "Envoy MAGLEV")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._size = int(options["table_size"])

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that its key has in a Maglev table"

    @property
    def shape(self) -> Hashable:
        """What a table depends on beside its hosts."""
        return self.name, self._size

    def build(self, hosts: Hosts) -> Generator[None, None, Layout]:
        """Build the table in steps."""
        return Entries((yield from maglev_table(hosts, self._size)))


def maglev_table(hosts: Sequence[tuple[str, int]], size: int) -> Generator[None, None, array[int]]:
    """Return in steps the place of the host that owns each entry; ``hosts`` are addresses with weights above 0."""
    table, free, looked = array("i", [-1]) * size, size, 0
    walks = yield from _walks(hosts, size)
    turns = _turns([weight for _, weight in hosts])
    for place in turns:
        at, stride = walks[place]
        while table[at] >= 0:
            at += stride
            looked += 1
            if at >= size:
                at -= size
        table[at] = place
        walks[place] = (at + stride) % size, stride
        free -= 1
        looked += _TURN
        # The last entries are found faster from the other side.
        if free * free <= size:
            break
        if looked > _STEP:
            looked = 0
            yield
    yield from _fill(table, walks, turns)
    return table


def _walks(hosts: Sequence[tuple[str, int]], size: int) -> Generator[None, None, list[tuple[int, int]]]:
    """Return in steps where each host looks next, and how far it walks each time."""
    walks = []
    for number, (address, _) in enumerate(hosts, 1):
        data = address.encode()
        walks.append((xxh64(data) % size, xxh64(data, 1) % (size - 1) + 1))
        if number % _HASHED == 0:
            yield
    return walks


def _fill(table: array[int], walks: Sequence[tuple[int, int]], turns: Iterator[int]) -> Iterator[None]:
    """Give away the free entries in steps: each turn takes the one that its walk would reach first."""
    size, looked, free = len(table), 0, []
    for start in range(0, size, _STEP):
        free += [entry for entry, owner in enumerate(table[start : start + _STEP], start) if owner < 0]
        yield
    while free:
        place = next(turns)
        at, stride = walks[place]
        steps = pow(stride, -1, size)
        entry = min(free, key=lambda entry: (entry - at) * steps % size)
        table[entry] = place
        free.remove(entry)
        looked += 2 * len(free)
        if looked > _STEP:
            looked = 0
            yield


def _turns(weights: Sequence[int]) -> Iterator[int]:
    """Yield whose turn it is, without end.

    The heaviest has a turn in each round, another one in a round whose number times its weight has reached the number
    of its turns so far times the greatest weight.
    """
    most = max(weights)
    if most == min(weights):
        while True:
            yield from range(len(weights))
    taken, rounds = [0] * len(weights), {1: list(range(len(weights)))}
    for number in count(1):
        for place in sorted(rounds.pop(number, ())):
            taken[place] += 1
            due = -(-taken[place] * most // weights[place])
            rounds.setdefault(max(due, number + 1), []).append(place)
            yield place
