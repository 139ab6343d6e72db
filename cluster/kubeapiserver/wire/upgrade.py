"""Connections that are upgraded: 101, and from then on bytes both ways."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from aiohttp import web

from kubeapi.streaming.io.multiplexer import Multiplexer

UNREAD_LIMIT = 256 * 1024
"""Bytes that may wait for the reader before reading from the connection is paused."""


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


async def upgrade(request: web.BaseRequest, headers: Mapping[str, str]) -> tuple[web.StreamResponse, UpgradedBytes]:
    """Answer 101 and return the connection's byte stream; to SPDY unless the ``headers`` say otherwise."""
    wire = UpgradedBytes(request)
    response = web.StreamResponse(status=101, headers={"Connection": "Upgrade", "Upgrade": "SPDY/3.1", **headers})
    response.force_close()
    await response.prepare(request)
    await response.write(b"")
    wire.begin()
    return response, wire
