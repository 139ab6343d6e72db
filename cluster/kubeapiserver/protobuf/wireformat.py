"""The wire format of protobuf, without types: a message is a sequence of numbered fields. Pure.

Values that are read are bounds in the body, so that no bytes are copied; every fault is a ValueError with the message
of gogo/protobuf.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types: an integer, 8 bytes, a length with that many bytes, 4 bytes."""

_SIZES = {FIXED64: 8, FIXED32: 4}
_CONTINUES = 0x80
_SHIFT_LIMIT = 64

Part = tuple[int, int, Any]
"""One field: its number, its wire type, and its integer (VARINT) or the (start, end) of its bytes."""


def parts(body: bytes, start: int, end: int, name: str) -> Iterator[Part]:
    """Yield the fields between two offsets of a body; ``name`` is the struct's, for messages."""
    at = start
    while at < end:
        tag, at = _read_varint(body, at, end)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ValueError(f"proto: {go_name(name)}: illegal tag 0 (wire type {wire})")
        if wire == VARINT:
            value, at = _read_varint(body, at, end)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, at = _read_varint(body, at, end)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise ValueError(f"proto: {go_name(name)}: illegal wireType {wire}")
        if size > end - at:
            raise ValueError("unexpected EOF")
        yield number, wire, (at, at + size)
        at += size


def _read_varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and body[at] < _CONTINUES:
        return body[at], at + 1
    value = shift = 0
    while at < end:
        byte = body[at]
        at += 1
        value |= (byte & ~_CONTINUES) << shift
        if byte < _CONTINUES:
            return value, at
        shift += 7
        if shift >= _SHIFT_LIMIT:
            raise ValueError("proto: integer overflow")
    raise ValueError("unexpected EOF")


def varint(value: int) -> bytes:
    """Return an integer from 0 on as it is written: seven bits in a byte, the lowest first."""
    groups = bytearray()
    while value >= _CONTINUES:
        groups.append(value & ~-_CONTINUES | _CONTINUES)
        value >>= 7
    return bytes((*groups, value))


def message(number: int, content: bytes) -> bytes:
    """Return a field of bytes: a message, a text or bytes."""
    return varint(number << 3 | BYTES) + varint(len(content)) + content


def signed(value: int, bits: int) -> int:
    """Return the low bits of an integer as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def text(body: bytes, bounds: tuple[int, int]) -> str:
    """Return a string; invalid UTF-8 becomes U+FFFD, as when Go writes JSON."""
    return body[slice(*bounds)].decode("utf-8", "replace")


def check_wire(wire: int, wanted: int, name: str) -> None:
    """Raise ValueError for a field with a wrong wire type."""
    if wire != wanted:
        raise ValueError(f"proto: wrong wireType = {wire} for field {go_name(name)}")


def go_name(name: str) -> str:
    """Return the name of a struct or field in Go: ``PodSpec``, ``Replicas``."""
    bare = name.rpartition(".")[2]
    return bare[:1].upper() + bare[1:]
