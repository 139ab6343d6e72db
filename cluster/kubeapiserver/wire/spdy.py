"""Connections that are upgraded: their bytes, and SPDY/3.1 for exec, which is read by one task; any task may send.

``kubeapi.streaming.spdy`` parses the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from aiohttp import web

from kubeapi.streaming.headerblocks import SpdyError
from kubeapi.streaming.io.multiplexer import Multiplexer
from kubeapi.streaming.spdy import Event, SpdyConnection

UNREAD_LIMIT = 256 * 1024
"""Bytes that may wait for the reader before reading from the connection is paused."""


class ByteStream(Protocol):
    """A connection that carries bytes both ways."""

    async def receive(self) -> bytes:
        """Return some bytes, b"" at the end."""
        ...

    async def send(self, content: bytes) -> None:
        """Send bytes; returns when more may be sent. ConnectionError when the peer has disconnected."""
        ...


class UpgradedBytes:
    """The byte stream after an HTTP upgrade. It replaces aiohttp's parser of the connection, and so gets its bytes."""

    def __init__(self, request: web.BaseRequest) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        self._transport = transport
        self._protocol = request.protocol
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._has_ended = False
        self._wake = asyncio.Event()

    def begin(self) -> None:
        """Become the connection's parser."""
        self._protocol.set_parser(self)  # type: ignore[arg-type]  # needs only feed_data and feed_eof

    def feed_data(self, content: bytes) -> tuple[bool, bytes]:
        """Queue bytes from the connection."""
        self._chunks.append(bytes(content))
        self._unread += len(content)
        if self._unread > UNREAD_LIMIT:
            self._transport.pause_reading()
        self._wake.set()
        return False, b""

    def feed_eof(self) -> None:
        """Record that the peer will send nothing more."""
        self._has_ended = True
        self._wake.set()

    def hand_over(self, protocol: Multiplexer) -> None:
        """Make ``protocol`` the connection's, in place of aiohttp's, which no longer learns of its end."""
        self._transport.set_protocol(protocol)
        self._transport.resume_reading()  # aiohttp may have paused it
        protocol.connection_made(self._transport)
        while self._chunks:
            protocol.feed(self._chunks.popleft())
        if self._has_ended:
            self._transport.close()

    def lost(self) -> None:
        """Tell aiohttp that the connection is gone, after ``hand_over``."""
        self._protocol.connection_lost(None)

    async def receive(self) -> bytes:
        """Return some bytes."""
        while not self._chunks:
            if self._has_ended or self._transport.is_closing():
                return b""
            self._wake.clear()
            await self._wake.wait()
        content = self._chunks.popleft()
        was_paused = self._unread > UNREAD_LIMIT
        self._unread -= len(content)
        if was_paused and self._unread <= UNREAD_LIMIT and not self._transport.is_closing():
            self._transport.resume_reading()
        return content

    async def send(self, content: bytes) -> None:
        """Send bytes."""
        if self._transport.is_closing():
            raise ConnectionResetError
        self._transport.write(content)
        await self._protocol._drain_helper()  # what aiohttp's own writer awaits; there is no public way


class SpdyPeer:
    """One SPDY connection."""

    def __init__(self, wire: ByteStream) -> None:
        self._wire = wire
        self._engine = SpdyConnection()

    async def events(self) -> AsyncIterator[Event]:
        """Yield events until the peer disconnects or violates the protocol."""
        with contextlib.suppress(ConnectionError):
            while content := await self._wire.receive():
                try:
                    events = self._engine.receive(content)
                except SpdyError:
                    return
                await self.flush()
                for event in events:
                    yield event

    async def accept(self, stream: int) -> None:
        """Answer a stream that was opened."""
        self._engine.accept(stream)
        await self.flush()

    async def send(self, stream: int, content: bytes) -> None:
        """Send bytes on a stream."""
        self._engine.send(stream, content)
        await self.flush()

    async def end(self, *streams: int) -> None:
        """End our side of the streams."""
        for each in streams:
            self._engine.end(each)
        await self.flush()

    async def reset(self, stream: int) -> None:
        """Abort a stream in both directions."""
        self._engine.reset(stream)
        await self.flush()

    async def flush(self) -> None:
        """Send the engine's pending bytes, in their order."""
        content = b"".join(self._engine.take())
        if content:
            await self._wire.send(content)


async def upgrade(request: web.BaseRequest, headers: Mapping[str, str]) -> tuple[web.StreamResponse, UpgradedBytes]:
    """Answer 101 and return the connection's byte stream; to SPDY unless the ``headers`` say otherwise."""
    wire = UpgradedBytes(request)
    response = web.StreamResponse(status=101, headers={"Connection": "Upgrade", "Upgrade": "SPDY/3.1", **headers})
    response.force_close()
    await response.prepare(request)
    await response.write(b"")
    wire.begin()
    return response, wire
