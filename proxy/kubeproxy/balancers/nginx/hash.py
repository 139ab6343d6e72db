"""nginx' ``hash KEY``: 15 bits of the key's CRC-32 modulo the sum of the weights.

15 bits, so that with weights of more than 32768 in all the last servers of the list get nothing, as in nginx.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from zlib import crc32

from kubeapi.balancing import hash_on
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.hashing import hashed_text
from kubeproxy.balancers.nginx.ranges import TRIES, WeightRanges
from kubeproxy.balancers.nginx.rotation import SmoothRotation


class NginxHash(Balancer):
    """Gives a key (of HTTP what the Service hashes, else the client's address) always the same backend.

    When a backend comes or leaves, nearly all keys move. Where one has failed, its keys are spread over all others.
    """

    name = "nginx_hash"
    options = (hash_on(),)
    has_weights = True
    card = Card("CRC-32 of the key modulo the weights' sum", "the key", "O(log n)", "nginx hash")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs
        self._key = hashed_text(options)
        self._ranges = WeightRanges()
        self._rotation = SmoothRotation()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that the hash of its key names"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        usable = available(backends)
        self._ranges = WeightRanges(usable)
        self._rotation.update(usable)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        first = self.upcoming(ask)
        if first is None or not avoid or first.address not in avoid:
            return first
        return self._pick_other(ask, avoid) or self._rotation.take(avoid) or first

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of a key."""
        ranges = self._ranges
        return ranges.at(_hash(self._key(ask)) % ranges.total) if ranges.total else None

    def _pick_other(self, ask: Ask, avoid: Collection[str]) -> Backend | None:
        """Hash the key with a number before it until it names a backend that is not in ``avoid``."""
        key = self._key(ask)
        number = _hash(key)
        for attempt in range(1, TRIES + 1):
            number += _hash(f"{attempt}{key}")
            backend = self._ranges.at(number % self._ranges.total)
            if backend.address not in avoid:
                return backend
        return None


def _hash(key: str) -> int:
    return crc32(key.encode()) >> 16 & 0x7FFF
