"""Sessions on the wire: logs, exec, attach and port-forward, by WebSocket or SPDY as the client asks.

It decides which protocol is spoken. What can be refused is refused before the connection is upgraded, with an ordinary
Status, but for a command that cannot be started: kubectl wants to read of that in the session. Follows kubelet
``cri/streaming`` and apimachinery ``pkg/util/httpstream``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web

from kubeapi.meta import JSON
from kubeapi.status import StatusError
from kubeapiserver.errors import BadInput
from kubeapiserver.messages import Session
from kubeapiserver.responses.statuses import encode, failure
from kubeapiserver.streaming.runtime import ContainerIO, Runtime
from kubeapiserver.streaming.spdy import Ended, Opened, Received
from kubeapiserver.streaming.websocket import (
    COMMAND_PROTOCOLS,
    PORT_PROTOCOLS,
    TUNNEL_PROTOCOL,
    EndOfInput,
    Incoming,
    Input,
    choose_protocol,
    output_message,
    read_message,
    read_resize,
    status_message,
)
from kubeapiserver.wire.command import CommandWire, join
from kubeapiserver.wire.portforward import ChannelForwarder, SpdyForwarder
from kubeapiserver.wire.spdy import SpdyPeer, WebSocketBytes, upgrade

MESSAGE_LIMIT = 4 * 1024 * 1024
"""Bytes of one WebSocket message; kubectl's are 32 KiB at the most."""
STREAMS_SECONDS = 30.0
"""How long a SPDY client may take to open its streams (kubelet's DefaultStreamCreationTimeout)."""
SPDY_COMMAND_PROTOCOL, SPDY_PORT_PROTOCOL = "v4.channel.k8s.io", "portforward.k8s.io"
_PROTOCOL_HEADER = "X-Stream-Protocol-Version"
_START_FAILED = 500


class SessionServer:
    """Serves sessions until ``close``."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many sessions there are."""
        return len(self._tasks)

    async def close(self) -> None:
        """Cut every session."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, request: web.BaseRequest, session: Session) -> web.StreamResponse:
        """Serve one session to its end; StatusError if it cannot begin."""
        response: list[web.StreamResponse] = []
        task = asyncio.create_task(self._serve(request, session, response), name=f"{session.kind} of {session.pod}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(ConnectionError):
            await task
        if not response:
            raise ConnectionResetError
        return response[0]

    async def _serve(self, request: web.BaseRequest, session: Session, begun: list[web.StreamResponse]) -> None:
        if session.kind == "log":
            await self._log(request, session, begun)
            return
        upgrade_to = request.headers.get("Upgrade", "").lower()
        if upgrade_to not in ("websocket", "spdy/3.1"):
            raise BadInput("unable to upgrade: Upgrade request required")
        if session.kind == "portforward":
            await self._forward(request, session, begun, is_spdy=upgrade_to != "websocket")
        else:
            await self._command(request, session, begun, is_spdy=upgrade_to != "websocket")

    async def _log(self, request: web.BaseRequest, session: Session, begun: list[web.StreamResponse]) -> None:
        log = self._runtime.logs(
            session.namespace,
            session.pod,
            session.container,
            follow=session.is_following,
            tail_lines=session.tail_lines,
            since_seconds=session.since_seconds,
            previous=session.is_previous,
            timestamps=session.has_timestamps,
        )
        async with contextlib.aclosing(log) as chunks:
            response = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-cache, private"})
            begun.append(response)
            await response.prepare(request)
            left = session.limit_bytes
            async for chunk in chunks:
                await response.write(chunk if left is None else chunk[:left])
                if left is not None and (left := left - len(chunk)) <= 0:
                    return

    async def _forward(
        self, request: web.BaseRequest, session: Session, begun: list[web.StreamResponse], *, is_spdy: bool
    ) -> None:
        # Asked once before the upgrade, so that a pod that is not there is refused with a Status.
        self._runtime.port_address(session.namespace, session.pod, 1)

        def address(port: int) -> tuple[str, int]:
            return self._runtime.port_address(session.namespace, session.pod, port)

        if is_spdy:
            _check_version(request, SPDY_PORT_PROTOCOL)
            response, raw = await upgrade(request, {_PROTOCOL_HEADER: SPDY_PORT_PROTOCOL})
            begun.append(response)
            await SpdyForwarder(session, SpdyPeer(raw), address).run()
            return
        protocol = choose_protocol(_offered(request), PORT_PROTOCOLS)
        if protocol != TUNNEL_PROTOCOL and not session.ports:
            raise BadInput('query parameter "port" is required')
        socket = await _open_socket(request, protocol, begun)
        if protocol == TUNNEL_PROTOCOL:
            await SpdyForwarder(session, SpdyPeer(WebSocketBytes(socket)), address).run()
        else:
            await ChannelForwarder(session, socket, address).run()
        await socket.close()

    async def _command(
        self, request: web.BaseRequest, session: Session, begun: list[web.StreamResponse], *, is_spdy: bool
    ) -> None:
        if is_spdy:
            _check_version(request, SPDY_COMMAND_PROTOCOL)
        else:
            protocol = choose_protocol(_offered(request), COMMAND_PROTOCOLS)
        refusal: JSON | None = None
        streams: ContainerIO | None = None
        try:
            streams = await self._begin(session)
        except StatusError as error:
            if error.code != _START_FAILED:
                raise
            refusal = failure(error)
        try:
            wire = (
                await _open_spdy(request, session, begun)
                if is_spdy
                else WebSocketWire(await _open_socket(request, protocol, begun))
            )
        except BaseException:
            if streams is not None:
                await streams.close()
            raise
        if streams is not None:
            await join(streams, wire)
        elif refusal is not None:
            await wire.finish(refusal)

    async def _begin(self, session: Session) -> ContainerIO:
        where = session.namespace, session.pod, session.container
        if session.kind == "attach":
            return self._runtime.attach(*where, has_stdin=session.has_stdin)
        return await self._runtime.exec(*where, session.command, has_stdin=session.has_stdin, is_tty=session.is_tty)


class WebSocketWire:
    """exec and attach in a WebSocket: each message begins with its channel."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def incoming(self) -> AsyncIterator[Incoming]:
        """Yield what the client says; Python's official client says it in text messages."""
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
        await self._socket.send_bytes(status_message(status))
        await self._socket.close()


class SpdyWire:
    """exec and attach over SPDY: a stream each for errors, input, output and the terminal's size."""

    def __init__(self, peer: SpdyPeer, session: Session) -> None:
        self._peer = peer
        self._events = peer.events()
        self._streams: dict[str, int] = {}
        self._early: list[Incoming] = []
        wanted = {
            "stdin": session.has_stdin,
            "stdout": session.has_stdout,
            "stderr": session.has_stderr and not session.is_tty,
            "resize": session.is_tty,
        }
        self._wanted = {"error", *(name for name, is_wanted in wanted.items() if is_wanted)}

    async def open(self) -> None:
        """Wait until the client has opened every stream; ConnectionError if it does not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STREAMS_SECONDS):
                while self._wanted - self._streams.keys():
                    self._early += [read async for read in self._next()]
                return
        raise ConnectionResetError

    async def _next(self) -> AsyncIterator[Incoming]:
        """Take one event, and yield what it says to the process."""
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
        """Yield what the client says."""
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


async def _open_spdy(request: web.BaseRequest, session: Session, begun: list[web.StreamResponse]) -> CommandWire:
    response, raw = await upgrade(request, {_PROTOCOL_HEADER: SPDY_COMMAND_PROTOCOL})
    begun.append(response)
    wire = SpdyWire(SpdyPeer(raw), session)
    await wire.open()
    return wire


async def _open_socket(
    request: web.BaseRequest, protocol: str, begun: list[web.StreamResponse]
) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(
        protocols=(protocol,) if protocol else (), max_msg_size=MESSAGE_LIMIT, compress=False
    )
    begun.append(socket)
    await socket.prepare(request)
    return socket


def _offered(request: web.BaseRequest) -> list[str]:
    headers = request.headers.getall("Sec-WebSocket-Protocol", [])
    return [each.strip() for header in headers for each in header.split(",") if each.strip()]


def _check_version(request: web.BaseRequest, spoken: str) -> None:
    """Refuse a SPDY client that does not speak the one version that is spoken here."""
    headers = request.headers.getall(_PROTOCOL_HEADER, [])
    if spoken not in [each.strip() for header in headers for each in header.split(",")]:
        message = (
            f"unable to upgrade: unable to negotiate protocol: client supports {headers}, server accepts [{spoken}]"
        )
        raise StatusError(403, "Forbidden", message)
