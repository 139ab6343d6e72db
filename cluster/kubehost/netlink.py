"""The messages of netlink as bytes: frames and attributes. Pure.

See netlink(7) and linux/netlink.h. The agent loads this file, so it imports little.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

REQUEST, ACK, ROOT, MATCH = 0x1, 0x4, 0x100, 0x200
"""Flags of every request: REQUEST; with ACK it is answered by its result; ROOT and MATCH ask for a whole list."""
REPLACE, EXCLUSIVE, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800
"""Flags of a request that makes something."""
NOOP, ERROR, DONE = 1, 2, 3
"""Types of control messages; ERROR with the number 0 is an acknowledgement."""
NESTED = 0x8000
"""Marks an attribute that contains attributes."""
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
"""By length modulo 4."""


class Message(NamedTuple):
    """A request. ``subject`` names it in errors."""

    type: int
    flags: int
    body: bytes
    subject: str = ""


class Reply(NamedTuple):
    """A message from the kernel; ``sequence`` is that of the request."""

    type: int
    flags: int
    sequence: int
    body: bytes


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + _PADDING[len(value) & 3]


def text_attribute(kind: int, value: str) -> bytes:
    """Return an attribute that is a text, ended by a zero byte."""
    return attribute(kind, value.encode() + b"\0")


def number_attribute(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits in the machine's byte order."""
    return attribute(kind, struct.pack("=I", value))


def frame(message: Message, sequence: int) -> bytes:
    """Return the bytes of a request."""
    size = _HEADER.size + len(message.body)
    header = _HEADER.pack(size, message.type, message.flags | REQUEST, sequence, 0)
    return header + message.body + b"\0" * (-size % 4)


def read_frames(packet: bytes) -> Iterator[Reply]:
    """Yield the messages of a packet from the kernel; a truncated one ends it."""
    offset = 0
    while offset + _HEADER.size <= len(packet):
        size, kind, flags, sequence, _ = _HEADER.unpack_from(packet, offset)
        if size < _HEADER.size or offset + size > len(packet):
            return
        yield Reply(kind, flags, sequence, packet[offset + _HEADER.size : offset + size])
        offset += (size + 3) & ~3


def read_attributes(body: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes of a body from ``offset`` on: type, without the mark of a nested one, and value."""
    while offset + _ATTRIBUTE.size <= len(body):
        size, kind = _ATTRIBUTE.unpack_from(body, offset)
        if size < _ATTRIBUTE.size or offset + size > len(body):
            return
        yield kind & 0x3FFF, body[offset + _ATTRIBUTE.size : offset + size]
        offset += (size + 3) & ~3
