"""Writes the few pieces of protobuf that the tests of the decoder need."""

from __future__ import annotations


def varint(value: int) -> bytes:
    """Return an unsigned integer in groups of seven bits, lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def int_field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def text_field(number: int, text: str | bytes) -> bytes:
    return message(number, text.encode() if isinstance(text, str) else text)


def envelope(api_version: str, kind: str, raw: bytes, encoding: str = "") -> bytes:
    """Return a body: the magic number, what it holds, and the object itself."""
    type_meta = message(1, text_field(1, api_version) + text_field(2, kind))
    return b"k8s\x00" + type_meta + message(2, raw) + text_field(3, encoding) + text_field(4, "")
