"""IPVS ``mh``: Maglev hashing of the client's address (``ip_vs_mh.c``).

The table has 4093 places, the default of the kernel's configuration: 33 kB for each route. Beyond 4093
servers the oldest have no place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle
from math import gcd

from kubeproxy.balancers.balancer import Ask, Backend, Card, Inputs, Options
from kubeproxy.balancers.ipvs.hashed import FALLBACK, HASHED, Hashed
from kubeproxy.balancers.ipvs.hashing import known_siphash, number, siphash, siphashes

PLACES = 4093
FIRST_KEY, SECOND_KEY = 2654435761, 2654446892


class Mh(Hashed):
    """Each server in turn takes the next free place of its own sequence, by weight several at a time.

    A server whose weight becomes 0 keeps its places: its clients are refused, and all others keep their servers.
    """

    name = "mh"
    aliases = ("ipvs_mh",)
    options = (FALLBACK, HASHED)
    has_weights = True
    card = Card(
        "by Maglev hashing of the client's address; refuses clients of one that got weight 0",
        "client (and port)",
        "O(1)",
        "IPVS mh",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._weights: dict[str, int] = {}
        self._table: Sequence[Backend] | None = ()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that its client's address has in a Maglev table, none at weight 0"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on; the table is built when it is first used."""
        if self._servers.update(backends) is None:
            return
        weights = self._weights
        self._weights = {each.address: each.weight or weights.get(each.address, 0) for each in backends}
        self._table = None

    def _first(self, ask: Ask) -> Backend | None:
        if self._table is None:
            self._table = self._build()
        if not self._table:
            return None
        if self._has_port:
            return self._table[siphash(number(ask.client) + ask.client_port, FIRST_KEY) % PLACES]
        return self._table[known_siphash(number(ask.client), FIRST_KEY) % PLACES]

    def _others(self, ask: Ask) -> Iterable[Backend]:
        value = number(ask.client) + (ask.client_port if self._has_port else 0)
        first = siphash(value, FIRST_KEY) % PLACES
        table = self._table or ()
        for offset in range(len(table)):
            yield table[siphash((offset + first) % PLACES + value, FIRST_KEY) % PLACES]

    def _build(self) -> Sequence[Backend]:
        servers = self._servers.order[:PLACES]
        weights = [self._weights[each.address] for each in servers]
        divisor = gcd(*self._weights.values())
        if not divisor:
            return ()
        # Weights of up to 6 bits; no server that has a weight loses its place.
        shift = max(0, (max(self._weights.values()) // divisor).bit_length() - 6)
        turns = [each // divisor >> shift or min(each, 1) for each in weights]
        return _populate(servers, turns)


def _populate(servers: Sequence[Backend], turns: Sequence[int]) -> Sequence[Backend]:
    """Return the table; each server's own sequence of places begins ``at`` one and goes on by its ``steps``."""
    values = [number(each.endpoint.ip) + each.endpoint.port for each in servers]
    at = [each % PLACES for each in siphashes(values, FIRST_KEY)]
    steps = [each % (PLACES - 1) + 1 for each in siphashes(values, SECOND_KEY)]
    table: list[Backend | None] = [None] * PLACES
    free = PLACES
    for index in cycle(range(len(servers))):
        place = at[index]
        for _ in range(turns[index]):
            while table[place] is not None:
                place = (place + steps[index]) % PLACES
            table[place] = servers[index]
            free -= 1
            if not free:
                return [each for each in table if each is not None]
        at[index] = place
    return ()
