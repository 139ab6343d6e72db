"""A connection as one task uses it: bytes are read in their order, and its end, or why it broke, comes after them."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from kubeclient.http.messages import Answer, HeadReader

BUFFER_BYTES = 1 << 19
"""Bytes that are received before anybody reads them; then the other end has to wait."""


class Wire(asyncio.Protocol):
    """The protocol of a connection, TCP or TLS. One task may wait in ``read`` at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._arrival: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self._error: Exception | None = None
        self.is_over = False
        """Whether the other end has ended the connection, or it broke; there may be bytes to read."""

    @property
    def is_quiet(self) -> bool:
        """Whether it is open and nothing has come that nobody has read."""
        return not self.is_over and not self._received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no instances of it

    def data_received(self, data: bytes) -> None:
        """Keep bytes until they are read."""
        self._received += data
        if len(self._received) > BUFFER_BYTES and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Know that no more will come."""
        self._error, self.is_over = exc, True
        self._wake()

    @property
    def transport(self) -> asyncio.Transport:
        """The transport."""
        assert self._transport is not None
        return self._transport

    async def read(self, seconds: float) -> bytes:
        """Return what has come, b"" at the end; TimeoutError if nothing comes for so long, OSError if it broke."""
        if not self._received and not self.is_over:
            self._arrival = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(seconds):
                await self._arrival
        if not self._received:
            if self._error is not None:
                raise self._error
            return b""
        found = bytes(self._received)
        self._received.clear()
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()
        return found

    async def read_head(self, seconds: float) -> Answer:
        """Return the head of the next answer; ConnectionError, TimeoutError. What follows it is read next."""
        reader = HeadReader()
        while True:
            content = await self.read(seconds)
            if not content:
                raise ConnectionResetError("it ends before it has answered")
            answer = reader.feed(content)
            if answer is not None:
                self._received[:0] = reader.rest
                if not answer.is_interim:
                    return answer
                reader = HeadReader()

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Speak TLS from now on."""
        made = await asyncio.get_running_loop().start_tls(self.transport, self, context, server_hostname=name)
        assert made is not None
        self._transport = made

    def hand_over(self) -> tuple[asyncio.Transport, bytes]:
        """Return the transport, which does not read, for another protocol, and what has come."""
        self.transport.pause_reading()
        return self.transport, bytes(self._received)

    def abort(self) -> None:
        """Close the connection at once."""
        self.is_over = True
        if self._transport is not None:
            self._transport.abort()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
