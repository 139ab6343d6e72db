"""SPDY/3.1 connections on the wire: raw after an HTTP upgrade, or inside the messages of a WebSocket.

``streaming.spdy`` gives the bytes their meaning. A connection is read by one task; any task may send.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from aiohttp import WSMsgType, web

from kubeapiserver.streaming.spdy import Event, SpdyConnection, SpdyError

UNREAD_LIMIT = 256 * 1024
"""Bytes that may wait for the reader before the connection is not read any more."""


class ByteStream(Protocol):
    """A connection that carries bytes both ways."""

    async def receive(self) -> bytes:
        """Return some bytes, b"" at the end."""
        ...

    async def send(self, content: bytes) -> None:
        """Send bytes; returns when more may be sent. ConnectionError when the peer has gone."""
        ...


class WebSocketBytes:
    """The binary messages of a WebSocket; their borders mean nothing."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> bytes:
        """Return the next message's bytes."""
        while True:
            message = await self._socket.receive()
            if message.type is not WSMsgType.BINARY:
                return b""
            if message.data:
                return bytes(message.data)

    async def send(self, content: bytes) -> None:
        """Send one message."""
        await self._socket.send_bytes(content)


class UpgradedBytes:
    """What follows an HTTP upgrade. It is aiohttp's parser of the connection from then on, and reads its bytes raw."""

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
        """Take over the connection."""
        self._protocol.set_parser(self)  # type: ignore[arg-type]  # whatever has these two methods will do

    def feed_data(self, content: bytes) -> tuple[bool, bytes]:
        """Take bytes from the connection."""
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
        await self._protocol._drain_helper()


class SpdyPeer:
    """One SPDY connection."""

    def __init__(self, wire: ByteStream) -> None:
        self._wire = wire
        self._engine = SpdyConnection()

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens until the peer has gone, or does not speak SPDY."""
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
        """Say that nothing more will be sent on the streams."""
        for each in streams:
            self._engine.end(each)
        await self.flush()

    async def reset(self, stream: int) -> None:
        """Have nothing more to do with a stream."""
        self._engine.reset(stream)
        await self.flush()

    async def flush(self) -> None:
        """Send what the engine has to say, in the order in which it said it."""
        outgoing = self._engine.outgoing
        if outgoing:
            content = bytes(outgoing)
            outgoing.clear()
            await self._wire.send(content)


async def upgrade(request: web.BaseRequest, headers: Mapping[str, str]) -> tuple[web.StreamResponse, UpgradedBytes]:
    """Answer 101 and return the connection, which is SPDY's from now on."""
    wire = UpgradedBytes(request)
    response = web.StreamResponse(status=101, headers={"Connection": "Upgrade", "Upgrade": "SPDY/3.1", **headers})
    response.force_close()
    await response.prepare(request)
    await response.write(b"")
    wire.begin()
    return response, wire
