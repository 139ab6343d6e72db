"""The TCP connections of the name server, with many queries each (RFC 7766: pipelining, idle time-out).

The Responder answers each packet at once, or ``later`` does if an upstream must be asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import cast

from kubedns.responder import Pending, Responder, Transfer

MAX_WAITING = 64
"""Queries of one connection that may wait for upstreams at once; then it is not read from."""

Reply = Callable[[bytes | None], None]
"""Sends a response to the client; None for no response after all."""

Later = Callable[[Pending, Reply], None]
"""Has an upstream asked for a query; sends the answer or a refusal, now or later."""


class Connections:
    """The TCP connections of a server, bounded in number; ``idle_timeout`` is in seconds.

    All but the number may be replaced at any time, for the next query of each connection.
    """

    def __init__(self, responder: Responder, later: Later, *, limit: int, idle_timeout: float) -> None:
        self.responder = responder
        self.later = later
        self.idle_timeout = idle_timeout
        self.open: set[Connection] = set()
        self._limit = limit

    def make_room(self) -> None:
        """Abort the connection that has been idle for longest, if one more would be too many."""
        if len(self.open) >= self._limit:
            min(self.open, key=Connection.activity).abort()

    def abort(self) -> None:
        """Abort all connections."""
        for each in tuple(self.open):
            each.abort()


class Connection(asyncio.Protocol):
    """One connection: queries with a length before each, answered as they come.

    It is not read from while its client does not read, or while too many of its queries wait for an upstream.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._buffer = bytearray()
        self._waiting = 0
        self._transfer: Iterator[bytes] | None = None
        self._is_write_paused = False
        self._is_serving = False
        self._has_ended = False
        self._loop = asyncio.get_running_loop()
        self._active_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.make_room()
        self._connections.open.add(self)
        self._timer = self._loop.call_later(self._connections.idle_timeout, self._expire)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget the connection."""
        self._connections.open.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer the queries that are complete."""
        self._buffer += data
        self._serve()

    def eof_received(self) -> bool:
        """Keep the connection open while a response is owed."""
        self._has_ended = True
        return self._owes_response

    def pause_writing(self) -> None:
        """Stop answering: the client does not read."""
        self._is_write_paused = True

    def resume_writing(self) -> None:
        """Answer again."""
        self._is_write_paused = False
        self._go_on()

    def abort(self) -> None:
        """Abort the connection; from now on it does not count."""
        self._connections.open.discard(self)
        self._transport.abort()

    def activity(self) -> tuple[bool, float]:
        """Return a sort key; the lowest connection is aborted first: no response owed, then longest idle."""
        return self._owes_response, self._active_at

    def _serve(self) -> None:
        if self._is_serving:  # called again by a response that came at once, from within the loop below
            return
        self._is_serving = True
        while not (self._is_read_paused or self._transport.is_closing()):
            packet = self._next_query()
            if packet is None:
                break
            self._query(packet)
        self._is_serving = False
        if self._transport.is_closing():
            return
        if self._is_read_paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _next_query(self) -> bytes | None:
        """Remove a whole query from the buffer and return it; None if there is none yet."""
        end = 2 + int.from_bytes(self._buffer[:2], "big")
        if len(self._buffer) < end:
            return None
        packet = bytes(self._buffer[2:end])
        del self._buffer[:end]
        return packet

    @property
    def _is_read_paused(self) -> bool:
        return self._is_write_paused or self._waiting >= MAX_WAITING or self._transfer is not None

    @property
    def _owes_response(self) -> bool:
        return bool(self._waiting) or self._is_write_paused or self._transfer is not None

    def _query(self, packet: bytes) -> None:
        self._active_at = self._loop.time()
        response = self._connections.responder.respond(packet, is_tcp=True)
        if isinstance(response, bytes):
            self._write(response)
        elif response is None:
            self._transport.close()  # garbage: the beginning of the next query is unknown
        elif isinstance(response, Transfer):
            self._transfer = response.messages
            self._go_on()
        else:
            self._waiting += 1
            self._connections.later(response, self._late)

    def _late(self, reply: bytes | None) -> None:
        self._waiting -= 1
        if self._transport.is_closing():
            return
        if reply is not None:
            self._write(reply)
        self._go_on()

    def _go_on(self) -> None:
        """Send the next message of a transfer, else answer the next queries, else close if the client has ended."""
        try:
            self._advance()
        except Exception:
            self._transport.abort()
            raise

    def _advance(self) -> None:
        if self._transport.is_closing() or self._is_write_paused:
            return
        if self._transfer is not None:
            message = next(self._transfer, None)
            if message is None:
                self._transfer = None
            else:
                self._active_at = self._loop.time()
                self._write(message)
            self._loop.call_soon(self._go_on)  # one message at a time, so that other connections have their turn
        else:
            self._serve()
            if self._has_ended and not self._owes_response:
                self._transport.close()

    def _write(self, reply: bytes) -> None:
        self._transport.write(len(reply).to_bytes(2, "big") + reply)

    def _expire(self) -> None:
        """Abort an idle connection: no whole query came, and no part of a response was taken."""
        left = self._active_at + self._connections.idle_timeout - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._expire)
        elif self._owes_response and not self._is_write_paused:
            self._timer = self._loop.call_later(self._connections.idle_timeout, self._expire)
        else:
            self._transport.abort()
