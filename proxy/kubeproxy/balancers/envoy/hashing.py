"""The hashes of Envoy's consistent hashing: XXH64 and MurmurHash2. Pure.

XXH64 follows https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, MurmurHash2 is the 64-bit variant of
libstdc++ (``std::_Hash_bytes``), with its seed.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

_M = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_STRIPE = Struct("<4Q")
_LONGEST_REMEMBERED = 128
"""Characters of a key whose hash is remembered: the memory is bounded, whatever clients send."""


def xxh64(data: bytes, seed: int = 0) -> int:
    """Return the XXH64 of ``data``."""
    rest = len(data) & ~31
    value = (_stripes(data, seed, rest) if rest else seed + _P5) + len(data) & _M
    for at in range(rest, len(data) & ~7, 8):
        lane = int.from_bytes(data[at : at + 8], "little") * _P2 & _M
        value ^= (lane << 31 | lane >> 33) * _P1 & _M
        value = (value << 27 | value >> 37) * _P1 + _P4 & _M
    rest = len(data) & ~7
    if len(data) & 4:
        value ^= int.from_bytes(data[rest : rest + 4], "little") * _P1 & _M
        value = (value << 23 | value >> 41) * _P2 + _P3 & _M
        rest += 4
    for byte in data[rest:]:
        value ^= byte * _P5 & _M
        value = (value << 11 | value >> 53) * _P1 & _M
    value = (value ^ value >> 33) * _P2 & _M
    value = (value ^ value >> 29) * _P3 & _M
    return value ^ value >> 32


def _stripes(data: bytes, seed: int, end: int) -> int:
    """Return the hash of the first ``end`` bytes, a multiple of 32, before their number is added."""
    lanes = [seed + _P1 + _P2 & _M, seed + _P2 & _M, seed, seed - _P1 & _M]
    for words in _STRIPE.iter_unpack(data[:end]):
        for place, word in enumerate(words):
            lane = lanes[place] + word * _P2 & _M
            lanes[place] = (lane << 31 | lane >> 33) * _P1 & _M
    value = sum(_turned(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _M
    for lane in lanes:
        lane = lane * _P2 & _M
        value ^= (lane << 31 | lane >> 33) * _P1 & _M
        value = value * _P1 + _P4 & _M
    return value


def _turned(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _M


def murmur2(data: bytes) -> int:
    """Return the MurmurHash2 of ``data`` as libstdc++ has it."""
    factor, value = 0xC6A4A7935BD1E995, 0xC70F6907
    value ^= len(data) * factor & _M
    whole = len(data) & ~7
    for at in range(0, whole, 8):
        word = int.from_bytes(data[at : at + 8], "little") * factor & _M
        value = (value ^ (word ^ word >> 47) * factor & _M) * factor & _M
    if len(data) > whole:
        value = (value ^ int.from_bytes(data[whole:], "little")) * factor & _M
    value = (value ^ value >> 47) * factor & _M
    return value ^ value >> 47


def hash_text(text: str) -> int:
    """Return the XXH64 of what a Service hashes of a connection or request."""
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else xxh64(text.encode("utf-8", "surrogateescape"))


@lru_cache(4096)
def _remembered(text: str) -> int:
    return xxh64(text.encode("utf-8", "surrogateescape"))
