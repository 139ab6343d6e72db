"""The part of SPDY/3.1 that port-forward and exec use: multiplexed byte streams in one connection. Pure.

``receive`` returns events; bytes to be sent are collected until ``take``. Like the implementation in Kubernetes
(moby/spdystream) it has no flow control. Follows the SPDY/3.1 draft, https://www.chromium.org/spdy/.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kubeapi.streaming.headerblocks import HeaderBlocks, SpdyError

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY, HEADERS = 1, 2, 3, 6, 7, 8
FIN = 1
REFUSED, CANCEL = 3, 5
"""RST_STREAM's status codes for a stream that is not taken, and for one that is no longer needed."""

FRAME_LIMIT = 1024 * 1024
"""Bytes of one frame; those of Kubernetes' clients have at most 32 KiB."""
STREAM_LIMIT = 20_000
"""Open streams of the peer; a forwarded connection has two. Those beyond are refused (Kubernetes has no limit)."""

_CONTROL = 0x8003
_NUMBER = 0x7FFFFFFF
_HEAD = struct.Struct(">II")


class Opened(NamedTuple):
    """The peer has opened a stream."""

    stream: int
    headers: Mapping[str, str]


class Received(NamedTuple):
    """Bytes of a stream."""

    stream: int
    content: bytes


class Ended(NamedTuple):
    """The peer has ended its side of a stream, or both sides if ``is_reset``."""

    stream: int
    is_reset: bool = False


class Pong(NamedTuple):
    """The peer has answered a ping."""


class GoingAway(NamedTuple):
    """The peer takes no more streams; those that are open go on."""


Event = Opened | Received | Ended | Pong | GoingAway


@dataclass(slots=True)
class _OpenStream:
    has_peer_ended: bool = False
    have_we_ended: bool = False


class SpdyConnection:
    """One side of a connection; streams that the client opens have odd numbers, the server's even ones."""

    def __init__(self, *, is_client: bool = False) -> None:
        self._parity = int(is_client)
        """The last bit of our own streams and pings."""
        self.outgoing: list[bytes | bytearray] = []
        """What ``take`` will return."""
        self._blocks = HeaderBlocks()
        self.streams: dict[int, _OpenStream] = {}
        """Those that have not ended in both directions, by number."""
        self._last_opened = 0
        self._next_stream = self._next_ping = 1 if is_client else 2
        self._rest = bytearray()
        self._needed = _HEAD.size
        """Bytes that ``_rest`` must have before there is something to do."""
        self._current, self._left, self._is_last = 0, 0, False
        """The data frame that is being received: its stream, its bytes that are missing, and whether it has FIN."""

    def receive(self, content: bytes) -> list[Event]:
        """Return the events in bytes of the connection; SpdyError. A data frame may come in several events."""
        if self._rest:
            self._rest += content
            if len(self._rest) < self._needed:
                return []
            content = bytes(self._rest)
            self._rest.clear()
        events: list[Event] = []
        position, end = 0, len(content)
        while position < end:
            if self._left:
                piece = content[position : position + self._left] if position or end > self._left else content
                position += len(piece)
                self._left -= len(piece)
                self._data(piece, events)
            elif after := self._frame(content, position, events):
                position = after
            else:
                self._rest += content[position:]
                break
        return events

    def _frame(self, content: bytes, position: int, events: list[Event]) -> int:
        """Handle a control frame, or the head of a data frame; return what is after it, 0 if bytes are missing."""
        self._needed = _HEAD.size
        if len(content) - position < self._needed:
            return 0
        first, second = _HEAD.unpack_from(content, position)
        self._needed += self._head(first, second, events)
        after = position + self._needed
        if len(content) < after:
            return 0
        if first >> 31:
            self._control(first & 0xFFFF, second >> 24, content[position + _HEAD.size : after], events)
        return after

    def _head(self, first: int, second: int, events: list[Event]) -> int:
        """Begin a data frame, or return how long the body of a control frame is; SpdyError."""
        length = second & 0xFFFFFF
        if length > FRAME_LIMIT:
            message = f"a frame of {length} bytes is too long"
            raise SpdyError(message)
        if first >> 31:
            if first >> 16 != _CONTROL:
                raise SpdyError("this is not SPDY/3")
            return length
        self._current, self._left, self._is_last = first, length, bool(second >> 24 & FIN)
        if not length:
            self._data(b"", events)
        return 0

    def _data(self, piece: bytes, events: list[Event]) -> None:
        """Handle a part of the current data frame."""
        stream = self.streams.get(self._current)
        if stream is None or stream.has_peer_ended:
            return
        if piece:
            events.append(Received(self._current, piece))
        if self._is_last and not self._left:
            events.append(self._ended(self._current))

    def _control(self, frame: int, flags: int, body: bytes, events: list[Event]) -> None:
        if frame == SYN_STREAM:
            self._opened(flags, body, events)
        elif frame == RST_STREAM:
            number = int.from_bytes(body[:4], "big") & _NUMBER
            if self.streams.pop(number, None) is not None:
                events.append(Ended(number, is_reset=True))
        elif frame == PING:
            if body[-1:] and body[-1] & 1 == self._parity:
                events.append(Pong())
            else:
                self.outgoing.append(_control(PING, 0, body))
        elif frame == GOAWAY:
            events.append(GoingAway())
        elif frame in (SYN_REPLY, HEADERS):
            # The headers are not needed, but the next block can only be decompressed after this one.
            self._blocks.unpack(body[4:])
            number = int.from_bytes(body[:4], "big") & _NUMBER
            if flags & FIN and number in self.streams:
                events.append(self._ended(number))

    def _opened(self, flags: int, body: bytes, events: list[Event]) -> None:
        if len(body) < 10:
            raise SpdyError("a SYN_STREAM is too short")
        number = int.from_bytes(body[:4], "big") & _NUMBER
        headers = self._blocks.unpack(body[10:])
        if number <= self._last_opened or number & 1 == self._parity:
            message = f"stream {number} cannot be opened"
            raise SpdyError(message)
        self._last_opened = number
        if len(self.streams) >= STREAM_LIMIT:
            self.outgoing.append(_control(RST_STREAM, 0, struct.pack(">II", number, REFUSED)))
            return
        self.streams[number] = _OpenStream()
        events.append(Opened(number, headers))
        if flags & FIN:
            events.append(self._ended(number))

    def _ended(self, number: int) -> Ended:
        stream = self.streams[number]
        stream.has_peer_ended = True
        self._forget_if_done(number, stream)
        return Ended(number)

    def take(self) -> list[bytes | bytearray]:
        """Return the bytes that are to be sent now, in parts."""
        outgoing, self.outgoing = self.outgoing, []
        return outgoing

    @property
    def is_exhausted(self) -> bool:
        """Whether no stream can be opened any more: numbers have 31 bits."""
        return self._next_stream > _NUMBER

    def open(self, headers: Mapping[str, str]) -> int:
        """Open a stream and return its number."""
        number = self._next_stream
        self._next_stream += 2
        self.streams[number] = _OpenStream()
        body = struct.pack(">IIH", number, 0, 0) + self._blocks.pack(headers)
        self.outgoing.append(_control(SYN_STREAM, 0, body))
        return number

    def accept(self, number: int) -> None:
        """Reply to a stream that the peer has opened."""
        self.outgoing.append(_control(SYN_REPLY, 0, struct.pack(">I", number) + self._blocks.pack({})))

    def ping(self) -> None:
        """Ask the peer for a Pong."""
        self.outgoing.append(_control(PING, 0, struct.pack(">I", self._next_ping)))
        self._next_ping = (self._next_ping + 2) & _NUMBER

    def send(self, number: int, content: bytes) -> None:
        """Send bytes on a stream; they are dropped if the stream has ended."""
        stream = self.streams.get(number)
        if stream is None or stream.have_we_ended:
            return
        for start in range(0, len(content), FRAME_LIMIT):
            piece = content[start : start + FRAME_LIMIT]
            self.outgoing += (_HEAD.pack(number, len(piece)), piece)

    def end(self, number: int) -> None:
        """End our side of a stream."""
        stream = self.streams.get(number)
        if stream is not None and not stream.have_we_ended:
            stream.have_we_ended = True
            self.outgoing.append(_HEAD.pack(number, FIN << 24))
            self._forget_if_done(number, stream)

    def reset(self, number: int) -> None:
        """Abort a stream in both directions."""
        if self.streams.pop(number, None) is not None:
            self.outgoing.append(_control(RST_STREAM, 0, struct.pack(">II", number, CANCEL)))

    def _forget_if_done(self, number: int, stream: _OpenStream) -> None:
        if stream.has_peer_ended and stream.have_we_ended:
            del self.streams[number]


def _control(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack(">HHI", _CONTROL, kind, flags << 24 | len(body)) + body
