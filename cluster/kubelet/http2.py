"""HTTP/2 as a probe and a health server need it: frames, and the first header of an answer. Pure.

Requests are written without indexing or Huffman's code; of an answer only ``:status`` is read, which comes first.
Follows RFC 9113 and RFC 7541 (static table, appendix B).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
STREAM = 1
"""The number of the one request."""
METHOD_GET, METHOD_POST, SCHEME_HTTP = b"\x82", b"\x83", b"\x86"
PATH, AUTHORITY, CONTENT_TYPE, USER_AGENT, NEW_NAME = b"\x04", b"\x01", b"\x0f\x10", b"\x0f\x2b", b"\x00"

_STATUSES = (200, 204, 206, 304, 400, 404, 500)
"""Those of the static table, from index 8 on."""
_FIRST_STATUS = 8
_DIGITS = {f"{value:05b}": str(value) for value in range(3)} | {
    f"{22 + value:06b}": str(value) for value in range(3, 10)
}
"""Huffman's code of the digits."""


class Frame(NamedTuple):
    """One frame of the peer."""

    type: int
    flags: int
    payload: bytes
    stream: int = 0


def frame(frame_type: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame as it is sent."""
    return len(payload).to_bytes(3, "big") + bytes((frame_type, flags)) + stream.to_bytes(4, "big") + payload


def string(text: str) -> bytes:
    """Return an HPACK string literal, cut to the 126 bytes that a length of one byte allows."""
    raw = text.encode()[:126]
    return bytes((len(raw),)) + raw


def get_request(authority: str, path: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return all that a client sends for a GET: preface, settings, and the request."""
    fields = [METHOD_GET, SCHEME_HTTP, PATH + string(path), AUTHORITY + string(authority)]
    fields += [NEW_NAME + string(name.lower()) + string(value) for name, value in headers]
    request = frame(HEADERS, END_HEADERS | END_STREAM, STREAM, b"".join(fields))
    return PREFACE + frame(SETTINGS, 0, 0, b"") + request


class FrameBuffer:
    """The peer's bytes, of which whole frames are taken."""

    def __init__(self) -> None:
        self._received = bytearray()

    def __len__(self) -> int:
        return len(self._received)

    def put(self, chunk: bytes) -> None:
        """Add bytes."""
        self._received += chunk

    def skip(self, expected: bytes) -> bool:
        """Remove what the bytes begin with; False if they begin with something else."""
        if not self._received.startswith(expected):
            return False
        del self._received[: len(expected)]
        return True

    def take(self) -> Frame | None:
        """Return the next frame, None if it is not whole yet."""
        if len(self._received) < 9:
            return None
        length = int.from_bytes(self._received[:3], "big")
        if len(self._received) < 9 + length:
            return None
        stream = int.from_bytes(self._received[5:9], "big") & 0x7FFFFFFF
        taken = Frame(self._received[3], self._received[4], bytes(self._received[9 : 9 + length]), stream)
        del self._received[: 9 + length]
        return taken


def reply_to(received: Frame) -> bytes:
    """Return what a client has to answer to a frame of the connection."""
    if received.type not in (SETTINGS, PING) or received.flags & ACK:
        return b""
    return frame(received.type, ACK, 0, received.payload if received.type == PING else b"")


def read_status(received: Frame) -> int | None:
    """Return the status in a HEADERS frame, None if it does not begin with one."""
    block, flags = received.payload, received.flags
    if flags & PADDED:
        block = block[1:]
    if flags & PRIORITY:
        block = block[5:]
    while block and block[0] & 0xE0 == 0x20:  # the table's size
        block = block[1:]
    if not block:
        return None
    if block[0] & 0x80:
        index = (block[0] & 0x7F) - _FIRST_STATUS
        return _STATUSES[index] if 0 <= index < len(_STATUSES) else None
    return _read_literal(block)


def _read_literal(block: bytes) -> int | None:
    name = block[0] & (0x3F if block[0] & 0x40 else 0x0F)
    at = 1
    if name == 0:
        at += 1 + (block[1] & 0x7F if len(block) > 1 else 0)
    elif not _FIRST_STATUS <= name < _FIRST_STATUS + len(_STATUSES):
        return None
    value = block[at + 1 : at + 1 + (block[at] & 0x7F)] if len(block) > at else b""
    text = _decoded(value) if value and block[at] & 0x80 else value.decode("latin-1")
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else None


def _decoded(value: bytes) -> str:
    """Return three digits in Huffman's code."""
    bits, text = "".join(f"{each:08b}" for each in value), ""
    while len(text) < 3:
        size = next((each for each in (5, 6) if bits[:each] in _DIGITS), 0)
        if not size:
            return ""
        text, bits = text + _DIGITS[bits[:size]], bits[size:]
    return text
