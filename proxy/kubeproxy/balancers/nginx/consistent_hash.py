"""nginx' ``hash KEY consistent``: a ring of CRC-32 points, 160 for each unit of weight (a form of ketama)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from zlib import crc32

from kubeapi.balancing import hash_on
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.hashing import hashed_text
from kubeproxy.balancers.nginx.ranges import TRIES
from kubeproxy.balancers.nginx.rotation import SmoothRotation

_POINTS_PER_WEIGHT = 160


class NginxConsistentHash(Balancer):
    """Gives a key the backend whose point comes at or after the key's; only keys of a backend that has left move."""

    name = "nginx_consistent_hash"
    options = (hash_on(),)
    has_weights = True
    card = Card("the next of 160 CRC-32 points per weight", "client or HTTP key", "O(log n)", "nginx hash consistent")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs
        self._key = hashed_text(options)
        self._points: list[int] = []
        self._owners: list[Backend] = []
        self._rotation = SmoothRotation()
        self._weights: dict[Backend, int] = {}

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that comes next on the ring after the hash of its key"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        usable = available(backends)
        weights = {each: each.weight for each in usable}
        if weights == self._weights:
            return
        self._weights = weights
        self._rotation.update(usable)
        owners: dict[int, Backend] = {}
        # Of two with the same point the first of the list has it.
        for each in reversed(usable):
            owners.update(dict.fromkeys(_points(each.address, each.weight), each))
        self._points = sorted(owners)
        self._owners = [owners[each] for each in self._points]

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        first = self.upcoming(ask)
        if first is None or not avoid or first.address not in avoid:
            return first
        start = self._find(ask)
        for step in range(1, TRIES + 1):
            backend = self._owners[(start + step) % len(self._owners)]
            if backend.address not in avoid:
                return backend
        return self._rotation.take(avoid) or first

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of a key."""
        return self._owners[self._find(ask) % len(self._owners)] if self._owners else None

    def _find(self, ask: Ask) -> int:
        return bisect_left(self._points, crc32(self._key(ask).encode()))


def _points(address: str, weight: int) -> Iterator[int]:
    """Yield the points of a server: each is the CRC-32 of host, port and the point before."""
    host, _, port = address.rpartition(":")
    start = crc32(f"{host}\0{port}".encode())
    point = 0
    for _ in range(weight * _POINTS_PER_WEIGHT):
        point = crc32(point.to_bytes(4, "little"), start)
        yield point
