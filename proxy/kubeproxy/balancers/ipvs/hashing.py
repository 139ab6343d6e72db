"""How IPVS makes numbers of addresses: ``hash_32`` for ``sh`` and ``dh``, SipHash-1-3 for ``mh``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address
from struct import iter_unpack, unpack
from typing import NamedTuple
from zlib import crc32

_CACHED = 4096
"""Results kept, about 200 bytes each."""
_32 = 0xFFFFFFFF
_64 = 0xFFFFFFFFFFFFFFFF
_LENGTH = 4 << 56
"""What SipHash puts at the end of a message: how many bytes it has."""


@lru_cache(_CACHED)
def number(address: str) -> int:
    """Return an address as 32 bits; the four parts of an IPv6 address are combined by exclusive or.

    The name of a client that has no address, such as a simulation's, gets its CRC-32.
    """
    try:
        if ":" in address:
            one, two, three, four = unpack("!4I", IPv6Address(address).packed)
            return int(one ^ two ^ three ^ four)
        first, second, third, fourth = map(int, address.split("."))
    except ValueError:
        return crc32(address.encode())
    return first << 24 | second << 16 | third << 8 | fourth


def bucket(value: int) -> int:
    """Return one of 256 buckets: ``hash_32(value, 8)``."""
    return (value * 0x61C88647 & _32) >> 24


def siphash(value: int, key: int) -> int:
    """Return the kernel's ``hsiphash_1u32(value)`` on a 64-bit machine, with ``key`` as both halves of the key.

    That is SipHash-1-3 cut to 32 bits.
    """
    return _siphash(value & _32 | _LENGTH, _alone(key))


@lru_cache(_CACHED)
def known_siphash(value: int, key: int) -> int:
    """Return ``siphash(value, key)``, for values that come again and again."""
    return siphash(value, key)


def siphashes(values: Sequence[int], key: int) -> Sequence[int]:
    """Return ``siphash`` of each value; all at once, for a table of many servers.

    The values lie side by side in one number, each in the lower half of 128 bits, where sums and shifts end.
    """
    joined = b"".join((value & _32 | _LENGTH).to_bytes(16, "little") for value in values)
    ones = int.from_bytes((1).to_bytes(16, "little") * len(values), "little")
    hashed = _siphash(int.from_bytes(joined, "little"), _lanes(key, ones)).to_bytes(len(joined), "little")
    return [each for (each,) in iter_unpack("<I12x", hashed)]


class _Lanes(NamedTuple):
    """What does not depend on the message, for as many messages as ``ones`` has bits: 64 bits of each, 32, and 0xff.

    The others are the state before the first round, as far as the message does not change it: ``v0`` and ``v1`` are
    half a round on, and ``turned`` is what ``v1`` becomes in the second half before ``v2`` is joined.
    """

    mask: int
    low: int
    end: int
    v0: int
    v1: int
    turned: int
    v2: int
    v3: int


def _lanes(key: int, ones: int) -> _Lanes:
    v0, v1 = 0x736F6D6570736575 ^ key, 0x646F72616E646F6D ^ key
    total = v0 + v1 & _64
    v0, v1 = (total << 32 | total >> 32) & _64, (v1 << 13 | v1 >> 51) & _64 ^ total
    state = v0, v1, (v1 << 17 | v1 >> 47) & _64, 0x6C7967656E657261 ^ key, 0x7465646279746573 ^ key
    return _Lanes(*(each * ones for each in (_64, _32, 0xFF, *state)))


@lru_cache(2)
def _alone(key: int) -> _Lanes:
    return _lanes(key, 1)


def _siphash(message: int, lanes: _Lanes) -> int:
    """Return the hashes: a hot path. A sum is cut to 64 bits only where the next step would carry what is above them.

    Of the last round only what the lower half of the result depends on is computed.
    """
    mask, low, end, v0, v1, turned, v2, v3 = lanes
    v3 ^= message
    v2 += v3
    v3 = (v3 << 16 ^ v3 >> 48 ^ v2) & mask
    v0 += v3
    v3 = (v3 << 21 ^ v3 >> 43 ^ v0) & mask
    v2 = v2 + v1 & mask
    v0, v1, v2 = v0 & mask ^ message, turned ^ v2, (v2 << 32 ^ v2 >> 32) & mask ^ end
    for _ in (1, 2):
        v0 = v0 + v1 & mask
        v1 = (v1 << 13 ^ v1 >> 51 ^ v0) & mask
        v2 += v3
        v3 = (v3 << 16 ^ v3 >> 48 ^ v2) & mask
        v0 = ((v0 << 32 ^ v0 >> 32) & mask) + v3
        v3 = (v3 << 21 ^ v3 >> 43 ^ v0) & mask
        v2 = v2 + v1 & mask
        v1 = (v1 << 17 ^ v1 >> 47 ^ v2) & mask
        v2 = (v2 << 32 ^ v2 >> 32) & mask
    v1 = (v1 << 13 ^ v1 >> 51 ^ v0 + v1) & mask
    v2 += v3
    v3 = (v3 << 16 ^ v3 >> 48 ^ v2) & mask
    v2 += v1
    return (v1 << 17 ^ v1 >> 47 ^ v2 ^ v2 >> 32 ^ v3 << 21 ^ v3 >> 43) & low
