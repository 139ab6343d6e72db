"""nginx' ``hash KEY``: 15 bits of the key's CRC-32 modulo the sum of the weights.

15 bits, so that with weights of more than 32768 in all the last servers of the list get nothing, as in nginx.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from zlib import crc32

from kubeapi.balancing import hash_on
from kubeproxy.balancers.balancer import Ask, Card, Inputs, Options
from kubeproxy.balancers.hashing import hashed_text
from kubeproxy.balancers.nginx.hashed import NginxHashed


class NginxHash(NginxHashed):
    """Gives a key (of HTTP what the Service hashes, else the client's address) always the same backend.

    Where one has failed, its keys are spread over all others.
    """

    name = "nginx_hash"
    options = (hash_on(),)
    card = Card("CRC-32 of the key modulo the weights' sum", "the key", "O(1)", "nginx hash")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs
        super().__init__()
        self._key = hashed_text(options)

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that the hash of its key names"

    def _number(self, ask: Ask) -> int:
        return _hash(self._key(ask))

    def _next_numbers(self, ask: Ask) -> Iterator[int]:
        """Add up the hashes of the key with the number of the attempt before it."""
        key = self._key(ask)
        number = _hash(key)
        for attempt in count(1):
            number += _hash(f"{attempt}{key}")
            yield number


def _hash(key: str) -> int:
    return crc32(key.encode()) >> 16 & 0x7FFF
