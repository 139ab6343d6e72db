"""The attributes of netlink messages, as netfilter has them: numbers are big-endian, lists are nested. Pure.

Follows linux/netlink.h and include/uapi/linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_HEADER = struct.Struct("=HH")
_NESTED = 0x8000
_KIND = 0x3FFF
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute with its padding; ValueError if ``value`` is too long for one (64 KiB)."""
    length = len(value) + 4
    if length > 0xFFFF:
        raise ValueError(f"netlink attribute {kind} has {length} bytes, more than 65535")
    return _HEADER.pack(length, kind) + value + _PADDING[length & 3]


def nested(kind: int, *inner: bytes) -> bytes:
    """Return an attribute that consists of attributes."""
    return attribute(kind | _NESTED, b"".join(inner))


def number(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits."""
    return attribute(kind, value.to_bytes(4, "big"))


def signed(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits that may be negative."""
    return attribute(kind, value.to_bytes(4, "big", signed=True))


def long_number(kind: int, value: int) -> bytes:
    """Return an attribute of 64 bits."""
    return attribute(kind, value.to_bytes(8, "big"))


def text(kind: int, value: str) -> bytes:
    """Return an attribute with a text, which ends with a zero byte."""
    return attribute(kind, value.encode() + b"\0")


def walk(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and value of each attribute; stops at one that is cut off."""
    at = 0
    while at + 4 <= len(content):
        length, kind = _HEADER.unpack_from(content, at)
        if length < 4 or at + length > len(content):
            return
        yield kind & _KIND, content[at + 4 : at + length]
        at += (length + 3) & ~3
