"""port-forward over a WebSocket's channels, as Python's clients ask for it: two channels for each port.

Port i has the channels 2i (data) and 2i+1 (errors); the first message of each is the port's number.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web

from kubeapiserver.messages import PortForwardSession
from kubeapiserver.wire.sessions.portforward import ForwardError, OpenPort, dial

READ_SIZE = 64 * 1024
INBOX_CHUNKS = 128
"""Chunks, mostly of 32 KiB, that may wait for a slow pod before its client has to wait."""

Send = Callable[[bytes], Awaitable[None]]


class ChannelForwarder:
    """The forwarded connections of one client in a WebSocket: one for each port in the request."""

    def __init__(self, session: PortForwardSession, socket: web.WebSocketResponse, open_port: OpenPort) -> None:
        self._session = session
        self._socket = socket
        self._open_port = open_port
        self._inboxes = [asyncio.Queue[bytes](INBOX_CHUNKS) for _ in session.ports]

    async def run(self) -> None:
        """Serve until the client disconnects or the pod has closed every connection."""
        for index, port in enumerate(self._session.ports):
            for channel in (2 * index, 2 * index + 1):
                await self._socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
        reading = asyncio.create_task(self._read(), name=f"port-forward of {self._session.pod.name}: input")
        ports = asyncio.gather(*(self._forward(index, port) for index, port in enumerate(self._session.ports)))
        try:
            await asyncio.wait((reading, ports), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            ports.cancel()
            await asyncio.gather(reading, ports, return_exceptions=True)

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY:
                return
            content = bytes(message.data)
            index, is_error = divmod(content[0], 2) if content else (len(self._inboxes), 0)
            if index < len(self._inboxes) and not is_error and len(content) > 1:
                await self._inboxes[index].put(content[1:])

    async def _forward(self, index: int, port: int) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                sock = await dial(self._session, port, self._open_port)
            except ForwardError as error:
                await self._socket.send_bytes(bytes([2 * index + 1]) + str(error).encode())
                return

            async def send(content: bytes) -> None:
                await self._socket.send_bytes(bytes([2 * index]) + content)

            await _join(*await asyncio.open_connection(sock=sock), self._inboxes[index], send)


async def _join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inbox: asyncio.Queue[bytes], send: Send
) -> None:
    """Copy bytes both ways until the pod ends its side, then close."""
    feeding = asyncio.create_task(_feed(writer, inbox), name="port-forward: input")
    try:
        while content := await _read(reader):
            await send(content)
    finally:
        feeding.cancel()
        writer.close()
        await asyncio.gather(feeding, return_exceptions=True)
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(READ_SIZE)
    except OSError:
        return b""


async def _feed(writer: asyncio.StreamWriter, inbox: asyncio.Queue[bytes]) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        while True:
            writer.write(await inbox.get())
            await writer.drain()
