"""ES256 (RFC 7518, 3.4): tells whether a P-256 key has signed a message. Pure.

For agnhost's test of a token alone: a pod loads no library for it, and one verification may take some milliseconds.
Nothing here is a secret, so that its time may depend on its numbers.
"""

from __future__ import annotations

import hashlib

Point = tuple[int, int] | None
"""A point of the curve; None is the one at infinity."""

BYTES = 32
"""Of a coordinate, and of r and s."""
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_A = P - 3
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def verifies(key: tuple[int, int], message: bytes, signature: bytes) -> bool:
    """Tell whether the signature (r and s, 32 bytes each) is that of the public key for the message."""
    r, s = int.from_bytes(signature[:BYTES], "big"), int.from_bytes(signature[BYTES:], "big")
    if len(signature) != 2 * BYTES or not (0 < r < _ORDER and 0 < s < _ORDER) or not _is_on_curve(key):
        return False
    inverse = pow(s, -1, _ORDER)
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    found = _add(_times(digest * inverse % _ORDER, _BASE), _times(r * inverse % _ORDER, key))
    return found is not None and found[0] % _ORDER == r


def _is_on_curve(point: tuple[int, int]) -> bool:
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - x * x * x - _A * x - _B) % P == 0


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] * one[0] + _A) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def _times(number: int, point: Point) -> Point:
    total: Point = None
    while number:
        if number & 1:
            total = _add(total, point)
        point = _add(point, point)
        number >>= 1
    return total
