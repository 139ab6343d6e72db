"""A TCP connection that is joined to a stream of a ``Multiplexer``: the two ends of every forwarded connection.

Ends are passed on in both directions, and resets as resets. Either may be there first; what comes then is kept.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

from kubeapi.streaming.io.multiplexer import Multiplexer
from kubeapi.streaming.io.reading import BufferedReader
from kubeapi.streaming.owner import BACKLOG_HIGH, BACKLOG_LOW

EARLY_BYTES = 64 * 1024
"""What is kept of a connection without a stream; the rest waits in its socket."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no time (socket(7))."""


class JoinedSocket(BufferedReader):
    """One TCP connection. A subclass calls ``join`` once it has a stream for it."""

    carries_data = True

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._wire: Multiplexer | None = None
        self._stream = 0
        self._early: list[bytes] = []
        """From the socket, before there is a stream."""
        self._unsent: list[bytes] = []
        """From the stream, before there is a socket."""
        self._has_socket_ended = self._has_stream_ended = False

    def join(self, wire: Multiplexer, stream: int) -> None:
        """Pass bytes on to a stream from now on, what has come before first."""
        self._wire, self._stream = wire, stream
        if self._early:
            wire.send(stream, b"".join(self._early))
            self._early.clear()
            if not wire.is_full:
                self.resume()
        if self._has_socket_ended:
            wire.end(stream)

    # What the event loop calls, of the socket.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Own the connection."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no instances of it
        self._transport.set_write_buffer_limits(BACKLOG_HIGH, BACKLOG_LOW)
        if self._unsent:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()
            self.resume_writing()
        if self._has_stream_ended:
            self._transport.write_eof()

    def feed(self, content: bytes) -> None:
        """Pass bytes on."""
        wire = self._wire
        if wire is not None:
            wire.send(self._stream, content)
            if wire.is_full:  # uvloop forgets a pause of ``connection_made``
                self.pause()
            return
        self._early.append(content)
        if sum(map(len, self._early)) >= EARLY_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Pass the end on; the other direction stays open."""
        self._has_socket_ended = True
        if self._wire is not None:
            self._wire.end(self._stream)
        self._close_if_done()
        return True

    def pause_writing(self) -> None:
        """Stall the stream: the socket's reader is slow."""
        if self._wire is not None:
            self._wire.stall(self._stream)

    def resume_writing(self) -> None:
        """Let the stream go on."""
        if self._wire is not None:
            self._wire.unstall(self._stream)

    def connection_lost(self, error: Exception | None) -> None:
        """Reset the stream unless both directions have ended."""
        self._transport = None
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.reset(self._stream)
        self.over(error)

    def over(self, error: Exception | None) -> None:
        """Know that the socket is closed, by us or because of an error; for subclasses."""

    # What the multiplexer calls, of the stream.

    def received(self, content: bytes) -> None:
        """Write to the socket."""
        if self._transport is not None:
            self._transport.write(content)
        elif self._wire is not None:
            self._unsent.append(content)
            if sum(map(len, self._unsent)) >= BACKLOG_HIGH:
                self._wire.stall(self._stream)

    def ended(self) -> None:
        """Pass the stream's end on."""
        self._has_stream_ended = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()
        self._close_if_done()

    def broken(self, reason: str) -> None:
        """Reset the socket."""
        del reason
        self._wire = None
        self.abort()

    def pause(self) -> None:
        """Read the socket no more."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read the socket again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close with a reset."""
        if self._transport is not None:
            sock = self._transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()

    def _close_if_done(self) -> None:
        if self._has_socket_ended and self._has_stream_ended and self._transport is not None:
            self._transport.close()
