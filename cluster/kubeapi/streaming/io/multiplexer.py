"""One connection that carries many streams, by SPDY, raw or inside a WebSocket; for port-forward's client and server.

Bytes go from callback to callback: no task and no queue for a stream. What is sent in one turn of the event loop leaves
in one piece. SPDY here has no flow control, so a slow reader of one stream is answered in two steps. Its owner keeps up
to BACKLOG_HIGH bytes and then stalls the stream: the connection is not read, and its other streams wait too. If they
wait for ``stall_seconds``, the stalled streams are reset; without other streams the peer just waits, as with TCP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import cast

from kubeapi.streaming.headerblocks import SpdyError
from kubeapi.streaming.io.reading import BufferedReader
from kubeapi.streaming.io.timers import PING_SECONDS, PINGS, Heartbeat, Stalling
from kubeapi.streaming.owner import StreamOwner
from kubeapi.streaming.spdy import Ended, GoingAway, Opened, Received, SpdyConnection
from kubeapi.streaming.websocket import WebSocketError, WebSocketFrames

SEND_HIGH, SEND_LOW = 256 * 1024, 64 * 1024
"""Bytes that wait to be sent on a connection: when the sources of its streams are not read, and when they are again."""
GONE = "the connection to the API server is gone"
NOT_SPDY = "the peer does not speak the protocol"
TOO_SLOW = "the reader is too slow for a connection that others use"

Accept = Callable[["Multiplexer", int, Mapping[str, str]], None]
"""Handles a stream that the peer has opened, by ``accept`` or by ``reset``."""


class Multiplexer(BufferedReader):
    """One connection. ``accept`` is for the server's side; without it we are the client. ``lost`` is called once."""

    def __init__(
        self,
        frames: WebSocketFrames | None,
        lost: Callable[[str], None],
        accept: Accept | None = None,
        stall_seconds: float | None = None,
    ) -> None:
        self._frames = frames
        self._lost = lost
        self._accept = accept
        self._engine = SpdyConnection(is_client=accept is None)
        self._loop = asyncio.get_running_loop()
        self._owners: dict[int, StreamOwner] = {}
        self._stalling = Stalling(self._read_on, self._judge, stall_seconds)
        self._heartbeat = Heartbeat(self.ping, self._give_up)
        self._transport: asyncio.Transport | None = None
        self._is_flushing = self._is_closed = self._is_going_away = False
        self._reason = GONE
        self.is_full = False
        """Whether sources are not to be read."""

    @property
    def takes_streams(self) -> bool:
        """Whether streams may be opened."""
        return not (self._is_closed or self._is_going_away or self._engine.is_exhausted)

    @property
    def is_congested(self) -> bool:
        """Whether a slow reader holds the connection up, or the peer does."""
        return self._stalling.is_stalled or self.is_full

    def open(self, headers: Mapping[str, str], owner: StreamOwner) -> int:
        """Open a stream and return its number."""
        number = self._engine.open(headers)
        self._own(number, owner)
        return number

    def accept(self, number: int, owner: StreamOwner) -> None:
        """Have an owner for a stream that the peer has opened."""
        self._engine.accept(number)
        self._own(number, owner)

    def _own(self, number: int, owner: StreamOwner) -> None:
        self._owners[number] = owner
        if self.is_full:
            owner.pause()
        self._flush_soon()

    def send(self, number: int, content: bytes) -> None:
        """Send bytes on a stream; they are dropped if it is over."""
        self._engine.send(number, content)
        if not self._is_flushing:
            self._flush()
            self._flush_soon()

    def end(self, number: int) -> None:
        """End our side of a stream."""
        self._engine.end(number)
        if number not in self._engine.streams:
            self.forget(number)
        self._flush_soon()

    def reset(self, number: int) -> None:
        """Abort a stream and forget its owner."""
        self._engine.reset(number)
        self.forget(number)
        self._flush_soon()

    def forget(self, number: int) -> None:
        """Call a stream's owner no more."""
        self._owners.pop(number, None)
        self.unstall(number)

    def stall(self, number: int) -> None:
        """Read no more until a stream's owner has passed its bytes on, which it tells by ``unstall``."""
        if number in self._owners:
            self._stalling.add(number)

    def unstall(self, number: int) -> None:
        """Go on."""
        self._stalling.discard(number)

    def ping(self) -> None:
        """Ask the peer whether it is there."""
        self._engine.ping()
        self._flush_soon()

    def close(self, reason: str = GONE) -> None:
        """End every stream at once, and close; ``reason`` is what the streams' owners learn."""
        if self._is_closed:
            return
        self._is_closed, transport = True, self._transport
        if transport is not None and not transport.is_closing():
            self._flush()
            if self._frames is not None and not self._frames.has_ended:
                transport.write(self._frames.closing())
            transport.close()
        self._end(reason)

    def _end(self, reason: str) -> None:
        self._is_closed = True
        self._heartbeat.stop()
        self._stalling.stop()
        owners, self._owners = self._owners, {}
        for each in owners.values():
            each.broken(reason)
        lost, self._lost = self._lost, lambda _: None
        lost(reason)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no instances of it
        self._transport.set_write_buffer_limits(SEND_HIGH, SEND_LOW)
        if self._accept is None:
            self._heartbeat.start()

    def feed(self, content: bytes) -> None:
        """Hand bytes of the connection to the streams' owners."""
        self._heartbeat.has_heard = True
        try:
            if self._frames is None:
                self._handle(content)
                return
            for piece in self._frames.receive(content):
                self._handle(piece)
            if self._frames.replies:
                self._flush_soon()
            if self._frames.has_ended:
                self.close()
        except (SpdyError, WebSocketError) as error:
            self.close(f"{NOT_SPDY}: {error}")

    def eof_received(self) -> bool:
        """Close: no stream outlives the connection."""
        return False

    def pause_writing(self) -> None:
        """Read the streams' sources no more."""
        self.is_full = True
        for each in tuple(self._owners.values()):
            each.pause()

    def resume_writing(self) -> None:
        """Read them again, until what one of them sends at once has filled the connection."""
        self.is_full = False
        for each in tuple(self._owners.values()):
            each.resume()
        if self.is_full:
            self.pause_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """End every stream."""
        self._transport = None
        self._end(f"{self._reason}: {error}" if error else self._reason)

    def _handle(self, content: bytes) -> None:
        owners = self._owners
        for event in self._engine.receive(content):
            if type(event) is Received:
                owner = owners.get(event.stream)
                if owner is not None:
                    owner.received(event.content)
            elif isinstance(event, Ended):
                self._over(event)
            elif isinstance(event, Opened):
                if self._accept is None:
                    self._engine.reset(event.stream)
                else:
                    self._accept(self, event.stream, event.headers)
            elif isinstance(event, GoingAway):
                self._is_going_away = True
        if self._engine.outgoing:
            self._flush_soon()

    def _over(self, event: Ended) -> None:
        owner = self._owners.get(event.stream)
        if event.stream not in self._engine.streams:
            self.forget(event.stream)
        if owner is not None and event.is_reset:
            owner.broken("the stream was reset")
        elif owner is not None:
            owner.ended()

    def _flush_soon(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        frames = self._frames
        parts: list[bytes | bytearray] = self._engine.take()
        if frames is not None:
            parts = frames.wrap(parts) if parts else []
            if frames.replies:
                parts.insert(0, frames.replies)
                frames.replies = b""
        if parts and self._transport is not None and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def _give_up(self) -> None:
        # Not while one of us does not read what the other sends.
        if self._transport is not None and not self.is_congested:
            self._reason = f"the API server did not answer for {PING_SECONDS * PINGS:g} s"
            self._transport.abort()

    def _read_on(self, is_read: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.resume_reading if is_read else self._transport.pause_reading)()

    def _judge(self, stalled: Collection[int]) -> None:
        """Reset the streams that are stalled if others wait for them."""
        if any(each.carries_data for number, each in self._owners.items() if number not in stalled):
            for number in stalled:
                self._owners[number].broken(TOO_SLOW)
                self.reset(number)
