"""WebSocket's frames around a byte stream, as client and as server, without any IO. Pure.

Message borders mean nothing here: what is received of a binary message is given on at once. Follows RFC 6455.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Sequence

TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io"
"""The subprotocol in which SPDY is carried (apimachinery ``pkg/util/portforward``)."""

VERSION = "13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_FIN, _MASKED = 0x80, 0x80
_CONTROL_LIMIT = 125
_NORMAL = struct.pack(">H", 1000)
_ENTROPY_BYTES = 1024


class WebSocketError(Exception):
    """The peer violates the protocol; the connection cannot be used any more."""


def accept_key(key: str) -> str:
    """Return the server's Sec-WebSocket-Accept for a client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


Mask = Callable[[bytes, bytearray], object]
"""Changes bytes in place, by an exclusive or with a key of four. Python itself has nothing that is fast enough."""


class WebSocketFrames:
    """One side of a connection; a client has ``entropy``, which returns as many unpredictable bytes as asked for."""

    def __init__(self, mask: Mask, entropy: Callable[[int], bytes] | None = None) -> None:
        self._mask = mask
        self._entropy = entropy
        self._keys = b""
        self._rest = b""
        self._left = 0
        """Bytes of the binary message that are missing."""
        self._key = b""
        """By which the message is masked, turned to its next byte; b"" if it is not."""
        self.replies = b""
        """Pongs, and the answer to a Close: the caller sends and clears them."""
        self.has_ended = False
        """Whether the peer has sent a Close; what follows is ignored."""

    def receive(self, content: bytes) -> list[bytes]:
        """Return the parts of binary messages in bytes of the connection; WebSocketError."""
        pieces: list[bytes] = []
        if self._rest:
            content, self._rest = self._rest + content, b""
        position, end = 0, len(content)
        while position < end and not self.has_ended:
            if self._left:
                piece = content[position : position + self._left] if position or end > self._left else content
                position += len(piece)
                self._left -= len(piece)
                pieces.append(self._unmask(piece))
                continue
            after = self._frame(content, position)
            if not after:
                self._rest = content[position:]
                break
            position = after
        return pieces

    def _frame(self, content: bytes, position: int) -> int:
        """Read the head of a frame, and all of one for control; return what is after it, 0 if bytes are missing."""
        if len(content) - position < 2:
            return 0
        first, second = content[position], content[position + 1]
        length, is_masked = second & 0x7F, bool(second & _MASKED)
        if first & 0x70 or is_masked == (self._entropy is not None):
            raise WebSocketError("this is no WebSocket frame for us")
        extra = {126: 2, 127: 8}.get(length, 0)
        start = position + 2 + extra + (4 if is_masked else 0)
        if len(content) < start:
            return 0
        if extra:
            length = int.from_bytes(content[position + 2 : position + 2 + extra], "big")
        self._key = content[start - 4 : start] if is_masked else b""
        kind = first & 0x0F
        if kind in (_BINARY, _CONTINUATION):
            self._left = length
            return start
        if kind not in (_CLOSE, _PING, _PONG) or length > _CONTROL_LIMIT:
            message = f"a frame of kind {kind} is not expected here"
            raise WebSocketError(message)
        if len(content) < start + length:
            return 0
        self._control(kind, self._unmask(content[start : start + length]))
        return start + length

    def _control(self, kind: int, body: bytes) -> None:
        if kind == _PING:
            self.replies += b"".join(self._packed(_PONG, (body,)))
        elif kind == _CLOSE:
            self.has_ended = True
            self.replies += b"".join(self._packed(_CLOSE, (body[:2],)))

    def wrap(self, parts: Sequence[bytes | bytearray]) -> list[bytes | bytearray]:
        """Return the parts of a binary message that has these parts."""
        return self._packed(_BINARY, parts)

    def closing(self) -> bytes:
        """Return the message that ends the connection in good order."""
        return b"".join(self._packed(_CLOSE, (_NORMAL,)))

    def _packed(self, kind: int, parts: Sequence[bytes | bytearray]) -> list[bytes | bytearray]:
        mark, length = (_MASKED if self._entropy is not None else 0), sum(map(len, parts))
        if length < 126:
            head = bytes((_FIN | kind, mark | length))
        elif length < 65536:
            head = struct.pack(">BBH", _FIN | kind, mark | 126, length)
        else:
            head = struct.pack(">BBQ", _FIN | kind, mark | 127, length)
        if self._entropy is None:
            return [head, *parts]
        if not self._keys:
            self._keys = self._entropy(_ENTROPY_BYTES)
        key, self._keys = self._keys[:4], self._keys[4:]
        body = bytearray().join(parts)
        self._mask(key, body)
        return [head, key, body]

    def _unmask(self, piece: bytes) -> bytes:
        key = self._key
        if not key:
            return piece
        turn = len(piece) % 4
        self._key = key[turn:] + key[:turn]
        changed = bytearray(piece)
        self._mask(key, changed)
        return bytes(changed)
