"""port-forward: forward a client's connections to a pod's ports, over SPDY streams or a WebSocket's channels.

Follows kubelet ``cri/streaming/portforward``. Over SPDY each connection has a data stream and an error stream with the
same ``requestid``. Over a WebSocket port i has the channels 2i (data) and 2i+1 (errors); the first message of each is
the port's number.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import WSMsgType, web

from kubeapi.status import StatusError
from kubeapiserver.messages import PortForwardSession
from kubeapiserver.streaming.spdy import Ended, Opened, Received
from kubeapiserver.wire.spdy import SpdyPeer

READ_SIZE = 64 * 1024
INBOX_CHUNKS = 128
"""Chunks, mostly of 32 KiB, that may wait for a slow pod before its client has to wait."""
DIAL_SECONDS = 5.0
"""Time limit for a pod to accept a connection."""

OpenPort = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Connects to a port of the pod; StatusError, OSError."""

Send = Callable[[bytes], Awaitable[None]]


class ForwardError(Exception):
    """A connection cannot be forwarded; the text is the kubelet's."""


class PodConnection:
    """One connection to a pod."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, session: PortForwardSession, port: int, open_port: OpenPort) -> PodConnection:
        """Connect to a port; ForwardError if that fails."""
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                reader, writer = await open_port(port)
        except (OSError, StatusError) as error:
            detail = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "timed out"
            message = f"error forwarding port {port} to pod {session.pod.name}, uid : {detail}"
            raise ForwardError(message) from None
        return cls(reader, writer)

    async def join(self, inbox: asyncio.Queue[bytes | None], send: Send) -> None:
        """Copy bytes both ways until the pod ends its side, then close. None in ``inbox`` ends the client's side."""
        feeding = asyncio.create_task(self._feed(inbox), name="port-forward: input")
        try:
            while content := await self._read():
                await send(content)
        finally:
            feeding.cancel()
            self._writer.close()
            await asyncio.gather(feeding, return_exceptions=True)
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(READ_SIZE)
        except OSError:
            return b""

    async def _feed(self, inbox: asyncio.Queue[bytes | None]) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            while (content := await inbox.get()) is not None:
                self._writer.write(content)
                await self._writer.drain()
            self._writer.write_eof()


class SpdyForwarder:
    """The forwarded connections of one client over SPDY."""

    def __init__(self, session: PortForwardSession, peer: SpdyPeer, open_port: OpenPort) -> None:
        self._session = session
        self._peer = peer
        self._open_port = open_port
        self._errors: dict[str, int] = {}
        self._inboxes: dict[int, asyncio.Queue[bytes | None]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until the client disconnects; then cut every connection."""
        try:
            async for event in self._peer.events():
                match event:
                    case Opened(stream, headers):
                        await self._opened(stream, headers)
                    case Received(stream, content) if stream in self._inboxes:
                        await self._inboxes[stream].put(content)
                    case Ended(stream, is_reset) if stream in self._inboxes:
                        if is_reset:
                            self._tasks[stream].cancel()
                        else:
                            await self._inboxes[stream].put(None)
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _opened(self, stream: int, headers: Mapping[str, str]) -> None:
        kind, request, port = headers.get("streamtype"), headers.get("requestid", ""), headers.get("port", "")
        is_port = port.isascii() and port.isdecimal() and 0 < int(port) < 65536
        if not is_port or (kind == "data" and request not in self._errors) or kind not in ("data", "error"):
            await self._peer.reset(stream)
            return
        await self._peer.accept(stream)
        if kind == "error":
            self._errors[request] = stream
            return
        self._inboxes[stream] = asyncio.Queue(INBOX_CHUNKS)
        work = self._forward(stream, self._errors.pop(request), int(port))
        task = self._tasks[stream] = asyncio.create_task(work, name=f"port-forward to {self._session.pod.name}:{port}")
        task.add_done_callback(lambda _: self._forget(stream))

    def _forget(self, stream: int) -> None:
        # Emptied for ``run``, which may be waiting in ``put`` for a reader that has ended.
        inbox = self._inboxes.pop(stream)
        while not inbox.empty():
            inbox.get_nowait()
        del self._tasks[stream]

    async def _forward(self, stream: int, errors: int, port: int) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                connection = await PodConnection.open(self._session, port, self._open_port)
            except ForwardError as error:
                await self._peer.send(errors, str(error).encode())
            else:
                await connection.join(self._inboxes[stream], lambda content: self._peer.send(stream, content))
            await self._peer.end(stream, errors)


class ChannelForwarder:
    """The forwarded connections of one client in a WebSocket: one for each port in the request."""

    def __init__(self, session: PortForwardSession, socket: web.WebSocketResponse, open_port: OpenPort) -> None:
        self._session = session
        self._socket = socket
        self._open_port = open_port
        self._inboxes = [asyncio.Queue[bytes | None](INBOX_CHUNKS) for _ in session.ports]

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
                connection = await PodConnection.open(self._session, port, self._open_port)
            except ForwardError as error:
                await self._socket.send_bytes(bytes([2 * index + 1]) + str(error).encode())
                return

            async def send(content: bytes) -> None:
                await self._socket.send_bytes(bytes([2 * index]) + content)

            await connection.join(self._inboxes[index], send)
