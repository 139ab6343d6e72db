"""How IPVS makes numbers of addresses: ``hash_32`` for ``sh`` and ``dh``, SipHash-1-3 for ``mh``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address
from struct import iter_unpack, unpack
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
    return _siphash(value & _32 | _LENGTH, key, 1) & _32


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
    hashed = _siphash(int.from_bytes(joined, "little"), key, ones).to_bytes(len(joined), "little")
    return [each for (each,) in iter_unpack("<I12x", hashed)]


def _siphash(message: int, key: int, ones: int) -> int:
    mask = _64 * ones
    v0, v1 = (0x736F6D6570736575 ^ key) * ones, (0x646F72616E646F6D ^ key) * ones
    v2, v3 = (0x6C7967656E657261 ^ key) * ones, (0x7465646279746573 ^ key) * ones ^ message
    for after in (message, 0, 0, 0):
        v0 = v0 + v1 & mask
        v1 = (v1 << 13 | v1 >> 51) & mask ^ v0
        v0 = (v0 << 32 | v0 >> 32) & mask
        v2 = v2 + v3 & mask
        v3 = (v3 << 16 | v3 >> 48) & mask ^ v2
        v0 = v0 + v3 & mask
        v3 = (v3 << 21 | v3 >> 43) & mask ^ v0
        v2 = v2 + v1 & mask
        v1 = (v1 << 17 | v1 >> 47) & mask ^ v2
        v2 = (v2 << 32 | v2 >> 32) & mask
        if after:
            v0 ^= after
            v2 ^= 0xFF * ones
    return v0 ^ v1 ^ v2 ^ v3
