"""IPVS ``sh`` and ``dh``: a table of 256 buckets, found by an address (``ip_vs_sh.c``, ``ip_vs_dh.c``).

A server has as many neighbouring buckets as its weight (``dh``: one), in turn until all are filled; beyond 256 servers
the oldest have none. One of weight 0 has one bucket nevertheless, and refuses what comes there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence

from kubeapi.balancing import HASH_ON, Option
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options
from kubeproxy.balancers.ipvs.hashing import bucket, number
from kubeproxy.balancers.ipvs.servers import Servers

FALLBACK = Option("fallback", False, "a client of a server with weight 0 gets another one, instead of being refused")
SOURCE_PORT = "source_port"
HASHED = Option(
    HASH_ON,
    "source",
    "what is hashed; kube-proxy's ipvs mode sets IPVS' flag mh-port, which is source_port, with mh",
    allowed=("source", SOURCE_PORT),
)
BUCKETS = 256


class Hashed(Balancer):
    """Looks up a server in a table; where that has failed already, looks on from there as with ``fallback``."""

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs
        self._falls_back = bool(options.get(FALLBACK.name))
        self._has_port = options.get(HASH_ON) == SOURCE_PORT
        self._servers = Servers()

    @abstractmethod
    def _first(self, ask: Ask) -> Backend | None:
        """Return the server that ``ask`` hashes to."""

    @abstractmethod
    def _others(self, ask: Ask) -> Iterable[Backend]:
        """Return the servers that the kernel tries in its place, in this order, some of them many times."""

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        backend = self._first(ask)
        if backend is None or (backend.weight and not (avoid and backend.address in avoid)):
            return backend
        return self._elsewhere(ask, avoid) if backend.weight or self._falls_back else None

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that ``ask`` hashes to."""
        return self.pick(ask)

    def refuses(self, ask: Ask) -> bool:
        """Tell whether the server of a client has the weight 0."""
        return self.pick(ask) is None

    def _elsewhere(self, ask: Ask, avoid: Collection[str]) -> Backend | None:
        left = [each for each in self._servers.order if each.weight and each.address not in avoid]
        if not left:
            return self.pick(ask) if avoid else None
        for backend in self._others(ask):
            if backend.weight and backend.address not in avoid:
                return backend
        # Not all have a place in the table.
        return left[0] if avoid else None


class _Buckets(Hashed):
    """Fills the buckets; ``_value`` is the address to hash."""

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._buckets: Sequence[Backend] = ()

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        if self._servers.update(backends) is None:
            return
        row: list[Backend] = []
        for each in self._servers.order[:BUCKETS]:
            row += [each] * (max(each.weight, 1) if self.has_weights else 1)
        times = -(-BUCKETS // len(row)) if row else 0
        self._buckets = (row * times)[:BUCKETS]

    @abstractmethod
    def _value(self, ask: Ask) -> int: ...

    def _first(self, ask: Ask) -> Backend | None:
        return self._buckets[bucket(self._value(ask))] if self._buckets else None

    def _others(self, ask: Ask) -> Iterable[Backend]:
        # The kernel adds the place that it looks on from to the hash once more.
        place = 2 * bucket(self._value(ask)) % BUCKETS
        return (*self._buckets[place:], *self._buckets[:place])


class Sh(_Buckets):
    """Source hashing: by the client's address."""

    name = "sh"
    aliases = ("ipvs_sh",)
    options = (FALLBACK, HASHED)
    has_weights = True
    card = Card(
        "by a hash of the client's address; refuses clients of one with weight 0",
        "client (and port)",
        "O(1)",
        "IPVS sh",
    )

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that its client's address hashes to, none at weight 0"

    def _value(self, ask: Ask) -> int:
        return number(ask.client) + (ask.client_port if self._has_port else 0)


class Dh(_Buckets):
    """Destination hashing: by the address that the client has connected to, which most Services have one of."""

    name = "dh"
    aliases = ("ipvs_dh",)
    card = Card(
        "by a hash of the address connected to; refuses clients of one with weight 0",
        "destination address",
        "O(1)",
        "IPVS dh",
    )

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that its destination address hashes to, none at weight 0"

    def _value(self, ask: Ask) -> int:
        return number(ask.destination.address)
