"""exec and attach: a container's streams and a client's connection, joined until one of them ends.

``CommandConnection`` is what a WebSocket and a SPDY connection have in common: input, its end, resizing and output.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import WSMsgType, web

from kubeapi.meta import JSON
from kubeapi.streaming.spdy import Ended, Opened, Received
from kubeapiserver.messages import CommandSession
from kubeapiserver.responses.statuses import encode
from kubeapiserver.streaming.runtime import ContainerIO
from kubeapiserver.streaming.websocket import (
    EndOfInput,
    Incoming,
    Input,
    Resize,
    exit_status,
    output_message,
    read_message,
    read_resize,
    status_message,
)
from kubeapiserver.wire.sessions.spdy import SpdyPeer

STREAMS_SECONDS = 30.0
"""Time limit for a SPDY client to open its streams (kubelet's DefaultStreamCreationTimeout)."""


class CommandConnection(Protocol):
    """A client's connection. ``send`` and ``finish`` raise ConnectionError when the client has disconnected."""

    def incoming(self) -> AsyncIterator[Incoming]:
        """Yield what the client sends, until it disconnects."""
        ...

    async def send(self, stream: str, content: bytes) -> None:
        """Send output of ``stdout`` or ``stderr``; returns when more may be sent."""
        ...

    async def finish(self, status: JSON) -> None:
        """Send the final Status and end the connection."""
        ...


async def join(streams: ContainerIO, connection: CommandConnection) -> None:
    """Copy bytes both ways until the command ends or the client disconnects. Closes ``streams``."""
    feeding = asyncio.create_task(_feed(streams, connection), name="session: input")
    sending = asyncio.create_task(_send_output(streams, connection), name="session: output")
    try:
        # _feed returns when the client disconnects, and not at the end of input.
        await asyncio.wait((feeding, sending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (feeding, sending):
            task.cancel()
        results = await asyncio.gather(feeding, sending, return_exceptions=True)
        await streams.close()
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, ConnectionError):
            raise result


async def _feed(streams: ContainerIO, connection: CommandConnection) -> None:
    async for message in connection.incoming():
        match message:
            case Input(content):
                await streams.write(content)
            case EndOfInput():
                streams.end_input()
            case Resize(width, height):
                streams.resize(width, height)


async def _send_output(streams: ContainerIO, connection: CommandConnection) -> None:
    while (output := await streams.read()) is not None:
        await connection.send(*output)
    status = exit_status(await streams.wait())
    with contextlib.suppress(ConnectionError):
        await connection.finish(status)


class WebSocketCommand:
    """exec and attach in a WebSocket: the first byte of each message is its channel."""

    def __init__(self, socket: web.WebSocketResponse, protocol: str) -> None:
        self._socket = socket
        self._protocol = protocol

    async def incoming(self) -> AsyncIterator[Incoming]:
        """Yield what the client sends; Python's official client sends text messages."""
        async for message in self._socket:
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                continue
            content = message.data if message.type is WSMsgType.BINARY else message.data.encode()
            if (read := read_message(content)) is not None:
                yield read

    async def send(self, stream: str, content: bytes) -> None:
        """Send output."""
        await self._socket.send_bytes(output_message(stream, content))

    async def finish(self, status: JSON) -> None:
        """Send the Status and close."""
        if message := status_message(status, self._protocol):
            await self._socket.send_bytes(message)
        await self._socket.close()


class SpdyCommand:
    """exec and attach over SPDY: a stream each for the Status, input, outputs and the terminal's size."""

    def __init__(self, peer: SpdyPeer, session: CommandSession) -> None:
        self._peer = peer
        self._events = peer.events()
        self._streams: dict[str, int] = {}
        self._early: list[Incoming] = []
        wanted = {
            "stdin": session.options.has_stdin,
            "stdout": session.has_stdout,
            "stderr": session.has_stderr,
            "resize": session.options.is_tty,
        }
        self._wanted = {"error", *(name for name, is_wanted in wanted.items() if is_wanted)}

    async def open(self) -> None:
        """Wait until the client has opened every stream; ConnectionError if it takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STREAMS_SECONDS):
                while self._wanted - self._streams.keys():
                    self._early += [read async for read in self._next()]
                return
        raise ConnectionResetError

    async def _next(self) -> AsyncIterator[Incoming]:
        """Handle one event, and yield what it means to the process."""
        try:
            event = await anext(self._events)
        except StopAsyncIteration:
            raise ConnectionResetError from None
        stdin, resize = self._streams.get("stdin"), self._streams.get("resize")
        match event:
            case Opened(stream, headers):
                await self._peer.accept(stream)
                self._streams[headers.get("streamtype", "")] = stream
            case Received(stream, content) if stream == stdin:
                yield Input(content)
            case Received(stream, content) if stream == resize:
                size = read_resize(content)
                if size is not None:
                    yield size
            case Ended(stream) if stream == stdin:
                yield EndOfInput()

    async def incoming(self) -> AsyncIterator[Incoming]:
        """Yield what the client sends."""
        for each in self._early:
            yield each
        with contextlib.suppress(ConnectionError):
            while True:
                async for each in self._next():
                    yield each

    async def send(self, stream: str, content: bytes) -> None:
        """Send output."""
        if stream in self._streams:
            await self._peer.send(self._streams[stream], content)

    async def finish(self, status: JSON) -> None:
        """Send the Status and end every stream."""
        await self._peer.send(self._streams["error"], encode(status))
        await self._peer.end(*self._streams.values())
