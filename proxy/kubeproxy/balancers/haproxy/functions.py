"""HAProxy's hash functions (``src/hash.c``, ``include/haproxy/tools.h``), all of 32 bits. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from re import match
from zlib import crc32

_MASK = 0xFFFFFFFF


def sdbm(key: bytes) -> int:
    """Hash as the sdbm database did: numbers in a row get hashes in a row."""
    value = 0
    for each in key:
        value = (value * 65599 + each) & _MASK
    return value


def djb2(key: bytes) -> int:
    """Hash as Daniel Bernstein did in comp.lang.c."""
    value = 5381
    for each in key:
        value = (value * 33 + each) & _MASK
    return value


def wt6(key: bytes) -> int:
    """Hash with two halves that rotate each other."""
    one, two = 0xA53C965A, 0x5CA6953A
    by_one, by_two = 6, 18
    for each in key:
        one = ~(one ^ each) & _MASK
        two = ~(two + each) & _MASK
        one, two = _rotate(two, by_one), _rotate(one, by_two)
        mixed = (one >> 16 ^ two) & 0xFFFF
        by_one, by_two = mixed & 31, mixed >> 11
    return one ^ two


def number(key: bytes) -> int:
    """Return the number that a key begins with: ``hash-type ... none``, for keys that are hashes already."""
    digits = match(rb"-?[0-9]+", key)
    return int(digits[0]) & _MASK if digits else 0


def avalanche(value: int) -> int:
    """Mix the bits of a hash so that each of them changes about half of the result (Bob Jenkins' integer hash)."""
    value = (value + 0x7ED55D16 + (value << 12)) & _MASK
    value = value ^ 0xC761C23C ^ value >> 19
    value = (value + 0x165667B1 + (value << 5)) & _MASK
    value = (value + 0xD3A2646C ^ value << 9) & _MASK
    value = (value + 0xFD7046C5 + (value << 3)) & _MASK
    value = value ^ 0xB55A4F09 ^ value >> 16
    return value * 3221225473 & _MASK


def source(client: str) -> int:
    """Return an IPv4 address as a number; of IPv6 its four words, each xor the next."""
    if ":" not in client:
        one, two, three, four = client.split(".")
        return int(one) << 24 | int(two) << 16 | int(three) << 8 | int(four)
    address = int(IPv6Address(client))
    return (address >> 96 ^ address >> 64 ^ address >> 32 ^ address) & _MASK


FUNCTIONS: Mapping[str, Callable[[bytes], int]] = {
    "sdbm": sdbm,
    "djb2": djb2,
    "wt6": wt6,
    "crc32": crc32,
    "none": number,
}


def _rotate(value: int, by: int) -> int:
    return (value << by | value >> 32 - by) & _MASK
