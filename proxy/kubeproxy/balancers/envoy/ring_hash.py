"""Ring hash (Envoy's RING_HASH, ketama): points on a ring by weight, a key belongs to the next point clockwise.

The points of an endpoint are the hashes of ``ip:port_0``, ``ip:port_1`` and so on. There are as many of them that the
lightest endpoint has a whole number and the ring at least ``minimum_ring_size`` points, so another set may give the
others more or fewer points as well (``source/extensions/load_balancing_policies/ring_hash``). gRPC's ring_hash is the
same with ``maximum_ring_size`` 4096. Keys are hashed by XXH64 in either case.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Hashable, Iterator, Sequence
from math import ceil

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Card, Inputs, Options
from kubeproxy.balancers.circles import Arcs, circle
from kubeproxy.balancers.envoy.consistent import HASH_OPTIONS, ConsistentHash
from kubeproxy.balancers.envoy.hashing import murmur2, xxh64
from kubeproxy.balancers.orders import Hosts, Layout

_LARGEST = 8 << 20
_STEP = 500
"""Points that are hashed in one step: 1 to 2 ms."""
_SHELF = 32
"""Points that are sorted together, about."""
_HASHES = {"XX_HASH": xxh64, "MURMUR_HASH_2": murmur2}


class RingHash(ConsistentHash):
    """Reads the backend of a key from a ring."""

    name = "ring_hash"
    aliases = ("envoy_ring_hash",)
    options = (
        Option("minimum_ring_size", 1024, "points of the ring at least", 1, _LARGEST),
        Option("maximum_ring_size", _LARGEST, "points of the ring at most", 1, _LARGEST, at_least="minimum_ring_size"),
        Option("hash_function", "XX_HASH", "what places the points", allowed=tuple(_HASHES)),
        *HASH_OPTIONS,
    )
    card = Card("the next point of a ring, by the key's hash", "the key", "O(1), 13 bytes a point", "Envoy, gRPC")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._smallest = int(options["minimum_ring_size"])
        self._largest = int(options["maximum_ring_size"])
        self._hash = _HASHES[str(options["hash_function"])]

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that comes next to its key on a ring"

    @property
    def shape(self) -> Hashable:
        """What a ring depends on beside its hosts."""
        return self.name, self._smallest, self._largest, self._hash

    def build(self, hosts: Hosts) -> Generator[None, None, Layout]:
        """Build the ring in steps."""
        share = min(weight for _, weight in hosts) / sum(weight for _, weight in hosts)
        scale = min(ceil(share * self._smallest) / share, float(self._largest))
        shift = 64 - (int(scale) // _SHELF).bit_length()
        shelves = [(array("Q"), array("I")) for _ in range(1 << 64 - shift)]
        for number, (name, place) in enumerate(_names(hosts, scale), 1):
            point = self._hash(name.encode())
            points, places = shelves[point >> shift]
            points.append(point)
            places.append(place)
            if number % _STEP == 0:
                yield
        arcs = yield from _sorted(shelves)
        return (yield from circle(arcs, 64))


def _names(hosts: Hosts, scale: float) -> Iterator[tuple[str, int]]:
    """Yield the names of all points, with the places of their hosts."""
    total = sum(weight for _, weight in hosts)
    reached = target = 0.0
    for place, (address, weight) in enumerate(hosts):
        target += scale * weight / total
        number = 0
        while reached < target:
            yield f"{address}_{number}", place
            number += 1
            reached += 1


def _sorted(shelves: Sequence[tuple[array[int], array[int]]]) -> Generator[None, None, Arcs]:
    """Return in steps the points of ``shelves``, each of which has a part of the ring, and their hosts' places."""
    arcs = Arcs(array("Q"), array("I"))
    for number, shelf in enumerate(shelves, 1):
        for point, place in sorted(zip(*shelf, strict=True)):
            arcs.ends.append(point)
            arcs.places.append(place)
        if number % _SHELF == 0:
            yield
    return arcs
