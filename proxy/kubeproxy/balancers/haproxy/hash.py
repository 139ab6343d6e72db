"""HAProxy's ``balance source`` and ``balance hash``, with ``hash-type`` and ``hash-balance-factor``."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Generator, Mapping, Sequence
from itertools import accumulate

from kubeapi.balancing import Option, hash_on
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.haproxy.functions import FUNCTIONS, avalanche, source
from kubeproxy.balancers.haproxy.servermap import server_map
from kubeproxy.balancers.haproxy.tree import Tree
from kubeproxy.balancers.hashing import hashed_text
from kubeproxy.balancers.orders import BuiltOrder, Entries

_SCALE = 16
"""HAProxy counts weights in sixteenths."""
_STEP = 1000
"""Entries of the map that are made in one step: 2 to 5 ms."""


def _factor_fault(factor: int) -> str:
    return "" if factor == 0 or factor > 100 else "must be 0 or more than 100"


_OPTIONS = (
    hash_on(),
    Option(
        "function",
        "default",
        "hashes a key (an address of a client is its own hash); default is sdbm, and avalanche if consistent",
        allowed=("default", *FUNCTIONS),
    ),
    Option(
        "hash_type", "map-based", "modulo the weights' sum, or a tree of points", allowed=("map-based", "consistent")
    ),
    Option("avalanche", False, "mixes the bits of the hash, for keys that are alike"),
    Option(
        "balance_factor",
        0,
        "if consistent: no more than so many percent of the mean load, 0 for any load",
        check=_factor_fault,
    ),
)


class HaproxyHash(Balancer):
    """Gives a key (of HTTP what the Service hashes, else the client's address) always the same backend.

    Map-based, nearly all keys move when a backend comes or leaves; consistent, only those of one that has left, and a
    fair part to one that has come. Each worker of a proxy bounds the load that it makes itself.
    """

    name = "haproxy_hash"
    options = _OPTIONS
    has_weights = True
    shares_tables = True
    card = Card(
        "hash modulo the weights' sum, or the nearest point of a tree, load bounded if asked for",
        "the key",
        "O(1), 4 bytes an entry or 9 a point",
        "HAProxy source, hash",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        function = str(options["function"])
        self._key = hashed_text(options)
        self._is_consistent = options["hash_type"] == "consistent"
        self._hash = FUNCTIONS["sdbm" if function == "default" else function]
        self._mixes = bool(options["avalanche"]) or (function == "default" and self._is_consistent)
        self._factor = int(options["balance_factor"]) if self._is_consistent else 0
        self._load = inputs.load
        self.follows = self._factor > 0
        self._active = 0
        self._map = BuiltOrder(inputs.work)
        self._tree = Tree(inputs.work)
        self._usable: Sequence[Backend] = ()
        self._weights: dict[Backend, int] = {}
        self._slots = _Slots({}, 0)

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that the hash of its key names"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._active = sum(map(self._load, backends))
        weights = {each: each.weight for each in backends}
        if weights == self._weights:
            return
        self._weights = weights
        if self._is_consistent:
            self._tree.update(backends)
            self._slots = _Slots(weights, self._factor)
        else:
            self._usable = available(backends)
            shares = tuple(each.weight for each in self._usable)
            self._map.build(self._usable, ("haproxy map", shares), _build_map(shares))

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        found = self.upcoming(ask)
        if found is None or not avoid or found.address not in avoid:
            return found
        value = self._hashed(ask)
        if not self._is_consistent:
            return next((each for each in self._map.walk(value) if each.address not in avoid), found)
        return (
            self._tree.find(value, lambda each: each.address in avoid or self._is_full(each))
            or self._tree.find(value, lambda each: each.address in avoid)
            or found
        )

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of a key, with a bound on the load the next one that is not full."""
        if not self._is_consistent:
            return self._map.first(self._hashed(ask)) if self._usable else None
        return self._tree.find(self._hashed(ask), self._is_full if self._factor else None)

    def opened(self, backend: Backend) -> None:
        """Count a connection that begins."""
        self._active += 1

    def closed(self, backend: Backend) -> None:
        """Count a connection that ends."""
        self._active -= 1

    def _hashed(self, ask: Ask) -> int:
        text = self._key(ask)
        value = source(text) if text is ask.client else self._hash(text.encode())
        return avalanche(value) if self._mixes else value

    def _is_full(self, backend: Backend) -> bool:
        return self._factor > 0 and self._load(backend) >= self._slots.of(backend, self._active)


def _build_map(weights: Sequence[int]) -> Generator[None, None, Entries]:
    """Build the map in steps."""
    entries = array("I")
    for place in server_map(weights):
        entries.append(place)
        if len(entries) % _STEP == 0:
            yield
    return Entries(entries)


class _Slots:
    """How many connections each backend may have: ``factor`` percent of the mean by weight.

    HAProxy 2.6 rounds by places that it does not count anew when a weight changes; a bound may then be one off.
    """

    def __init__(self, weights: Mapping[Backend, int], factor: int) -> None:
        self._factor = factor
        self._total = sum(weights.values()) * _SCALE
        ends = accumulate(each * _SCALE for each in weights.values())
        self._ranges = {each: (end - each.weight * _SCALE, end) for each, end in zip(weights, ends, strict=True)}

    def of(self, backend: Backend, active: int) -> int:
        """Return the bound of a backend while all have ``active``: the bounds of all make up the whole, rounded up."""
        slots, rest = divmod(-(-(active + 1) * self._factor // 100), self._total)
        begin, end = self._ranges[backend]
        return max((end - begin) * slots + end * rest // self._total - begin * rest // self._total, 1)
