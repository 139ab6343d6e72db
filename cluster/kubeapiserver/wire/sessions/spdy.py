"""SPDY/3.1 for exec: one task reads its events, any task may send. ``kubeapi.streaming.spdy`` parses the bytes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from kubeapi.streaming.headerblocks import SpdyError
from kubeapi.streaming.spdy import Event, SpdyConnection


class ByteStream(Protocol):
    """A connection that carries bytes both ways."""

    async def receive(self) -> bytes:
        """Return some bytes, b"" at the end."""
        ...

    async def send(self, content: bytes) -> None:
        """Send bytes; returns when more may be sent. ConnectionError when the peer has disconnected."""
        ...


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
