"""nginx' ``hash KEY consistent``: a ring of CRC-32 points, 160 for each unit of weight (a form of ketama).

nginx has them whatever the weights; here a ring has two million at most, so that weights of more than 13,107 in all
have fewer points each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from zlib import crc32

from kubeapi.balancing import hash_on
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.circles import arcs_before, weighted_circle
from kubeproxy.balancers.hashing import hashed_text
from kubeproxy.balancers.nginx.rotation import TRIES, SmoothRotation
from kubeproxy.balancers.orders import BuiltOrder

_POINTS_PER_WEIGHT = 160


class NginxConsistentHash(Balancer):
    """Gives a key the backend whose point comes at or after the key's; only keys of a backend that has left move."""

    name = "nginx_consistent_hash"
    options = (hash_on(),)
    has_weights = True
    shares_tables = True
    card = Card("the next of 160 CRC-32 points per weight", "the key", "O(1), 9 bytes a point", "nginx")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._key = hashed_text(options)
        self._order = BuiltOrder(inputs.work)
        self._usable: Sequence[Backend] = ()
        self._rotation = SmoothRotation()
        self._weights: dict[Backend, int] = {}

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that comes next on the ring after the hash of its key"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        usable = self._usable = available(backends)
        weights = {each: each.weight for each in usable}
        if weights == self._weights:
            return
        self._weights = weights
        hosts = tuple((each.address, each.weight) for each in usable)
        made = weighted_circle(hosts, _POINTS_PER_WEIGHT, _points, arcs_before)
        self._order.build(usable, (self.name, hosts), made)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        first = self.upcoming(ask)
        if first is None or not avoid or first.address not in avoid:
            return first
        others = islice(self._order.walk(self._hash(ask)), 1, TRIES + 1)
        found = next((each for each in others if each.address not in avoid), None)
        return found or self._rotation.take_among(self._usable, avoid) or first

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of a key."""
        return self._order.first(self._hash(ask)) if self._weights else None

    def _hash(self, ask: Ask) -> int:
        return crc32(self._key(ask).encode())


def _points(address: str, count: int) -> Iterator[int]:
    """Yield the points of a server: each is the CRC-32 of host, port and the point before."""
    host, _, port = address.rpartition(":")
    start = crc32(f"{host}\0{port}".encode())
    point = 0
    for _ in range(count):
        point = crc32(point.to_bytes(4, "little"), start)
        yield point
