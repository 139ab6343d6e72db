"""Serve sessions: logs, exec, attach and port-forward, by WebSocket or SPDY as the client asks.

Errors are answered with a Status before the connection is upgraded; only a command that cannot be started is reported
in the session, where kubectl expects it. Follows kubelet ``cri/streaming`` and apimachinery ``pkg/util/httpstream``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial

from aiohttp import web
from aiohttp._websocket.helpers import websocket_mask  # there is no public way to it

from kubeapi.status import StatusError
from kubeapi.streaming.io.multiplexer import Multiplexer
from kubeapi.streaming.portforward import PROTOCOL_HEADER, SPDY_PROTOCOL
from kubeapi.streaming.websocket import TUNNEL_PROTOCOL, VERSION, WebSocketFrames, accept_key
from kubeapiserver.errors import BadInput
from kubeapiserver.messages import CommandSession, LogSession, PortForwardSession, Session
from kubeapiserver.responses.statuses import failure
from kubeapiserver.streaming.runtime import ContainerIO, Runtime
from kubeapiserver.streaming.websocket import (
    COMMAND_PROTOCOLS,
    PORT_PROTOCOLS,
    READER_PROTOCOLS,
    choose_protocol,
)
from kubeapiserver.wire.sessions.command import CommandConnection, SpdyCommand, WebSocketCommand, join
from kubeapiserver.wire.sessions.logs import limited, send_log
from kubeapiserver.wire.sessions.portchannels import ChannelForwarder
from kubeapiserver.wire.sessions.portforward import SpdyForwarder
from kubeapiserver.wire.sessions.spdy import SpdyPeer
from kubeapiserver.wire.upgrade import UpgradedBytes, upgrade

MESSAGE_LIMIT = 4 * 1024 * 1024
"""Bytes of one WebSocket message; kubectl's have at most 32 KiB."""
SPDY_COMMAND_PROTOCOL = "v4.channel.k8s.io"
_START_FAILED = 500


class SessionServer:
    """Serves sessions until ``close``."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """The number of open sessions."""
        return len(self._tasks)

    async def close(self) -> None:
        """Cut every session."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, request: web.BaseRequest, session: Session) -> web.StreamResponse:
        """Serve one session until it ends; StatusError if it cannot begin."""
        served = _ServedSession(request, session, self._runtime)
        task = asyncio.create_task(served.run(), name=f"{type(session).__name__} of {session.pod.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(ConnectionError):
            await task
        if served.response is None:
            raise ConnectionResetError
        return served.response


class _ServedSession:
    """One session. ``response`` is None until its head is sent."""

    def __init__(self, request: web.BaseRequest, session: Session, runtime: Runtime) -> None:
        self._request = request
        self._session = session
        self._runtime = runtime
        self.response: web.StreamResponse | None = None

    async def run(self) -> None:
        """Serve the session until it ends; StatusError if it cannot begin."""
        session = self._session
        if isinstance(session, LogSession):
            await self._log(session)
            return
        protocol = self._request.headers.get("Upgrade", "").lower()
        if protocol not in ("websocket", "spdy/3.1"):
            raise BadInput("unable to upgrade: Upgrade request required")
        if isinstance(session, PortForwardSession):
            await self._forward(session, is_spdy=protocol != "websocket")
        else:
            await self._command(session, is_spdy=protocol != "websocket")

    async def _log(self, session: LogSession) -> None:
        log = limited(self._runtime.logs(session.pod, session.options), session.limit_bytes)
        async with contextlib.aclosing(log) as chunks:
            if self._request.headers.get("Upgrade", "").lower() == "websocket":
                protocol = choose_protocol(_offered(self._request), READER_PROTOCOLS)
                await send_log(await self._upgrade_to_websocket(protocol), chunks, protocol)
                return
            response = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-cache, private"})
            self.response = response
            await response.prepare(self._request)
            async for chunk in chunks:
                await response.write(chunk)

    async def _forward(self, session: PortForwardSession, *, is_spdy: bool) -> None:
        self._runtime.port_address(session.pod, 1)  # before the upgrade: a Status if there is no such pod
        open_port = partial(self._runtime.open_port, session.pod)
        if is_spdy:
            _check_version(self._request, SPDY_PROTOCOL)
            raw = await self._upgrade({PROTOCOL_HEADER: SPDY_PROTOCOL})
            await _multiplex(raw, None, SpdyForwarder(session, open_port))
            return
        protocol = choose_protocol(_offered(self._request), PORT_PROTOCOLS)
        if protocol == TUNNEL_PROTOCOL:
            raw = await self._upgrade(_handshake(self._request))
            await _multiplex(raw, WebSocketFrames(websocket_mask), SpdyForwarder(session, open_port))
            return
        if not session.ports:
            raise BadInput('query parameter "port" is required')
        socket = await self._upgrade_to_websocket(protocol)
        await ChannelForwarder(session, socket, open_port).run()
        await socket.close()

    async def _command(self, session: CommandSession, *, is_spdy: bool) -> None:
        protocol = SPDY_COMMAND_PROTOCOL
        if is_spdy:
            _check_version(self._request, protocol)
        else:
            protocol = choose_protocol(_offered(self._request), COMMAND_PROTOCOLS)
        try:
            started: ContainerIO | StatusError = await self._start(session)
        except StatusError as error:
            if error.code != _START_FAILED:
                raise
            started = error
        try:
            connection = await self._open(session, protocol, is_spdy=is_spdy)
        except BaseException:
            if not isinstance(started, StatusError):
                await started.close()
            raise
        if isinstance(started, StatusError):
            await connection.finish(failure(started))
        else:
            await join(started, connection)

    async def _start(self, session: CommandSession) -> ContainerIO:
        """Start the command, or attach to the container."""
        options = session.options
        if not options.command:
            return self._runtime.attach(session.pod, options.container, has_stdin=options.has_stdin)
        return await self._runtime.exec(session.pod, options)

    async def _open(self, session: CommandSession, protocol: str, *, is_spdy: bool) -> CommandConnection:
        if not is_spdy:
            return WebSocketCommand(await self._upgrade_to_websocket(protocol), protocol)
        connection = SpdyCommand(await self._upgrade_to_spdy(protocol), session)
        await connection.open()
        return connection

    async def _upgrade_to_spdy(self, protocol: str) -> SpdyPeer:
        _check_version(self._request, protocol)
        return SpdyPeer(await self._upgrade({PROTOCOL_HEADER: protocol}))

    async def _upgrade(self, headers: Mapping[str, str]) -> UpgradedBytes:
        self.response, raw = await upgrade(self._request, headers)
        return raw

    async def _upgrade_to_websocket(self, protocol: str) -> web.WebSocketResponse:
        protocols = (protocol,) if protocol else ()
        socket = web.WebSocketResponse(protocols=protocols, max_msg_size=MESSAGE_LIMIT, compress=False)
        self.response = socket
        await socket.prepare(self._request)
        return socket


async def _multiplex(raw: UpgradedBytes, frames: WebSocketFrames | None, forwarder: SpdyForwarder) -> None:
    """Forward the connections of one client until it disconnects; then reset those that are left."""
    lost = asyncio.get_running_loop().create_future()

    def end(_: str) -> None:
        if not lost.done():
            lost.set_result(None)
        raw.lost()

    wire = Multiplexer(frames, end, forwarder.accept)
    raw.hand_over(wire)
    try:
        await lost
    finally:
        wire.close()
        await forwarder.close()


def _handshake(request: web.BaseRequest) -> Mapping[str, str]:
    """Return the headers that accept a WebSocket; BadInput if the request is not RFC 6455's."""
    key = request.headers.get("Sec-WebSocket-Key", "")
    if not key or request.headers.get("Sec-WebSocket-Version") != VERSION:
        raise BadInput(f"unable to upgrade: a WebSocket of version {VERSION} has a Sec-WebSocket-Key")
    return {
        "Upgrade": "websocket",
        "Sec-WebSocket-Accept": accept_key(key),
        "Sec-WebSocket-Protocol": TUNNEL_PROTOCOL,
    }


def _offered(request: web.BaseRequest) -> list[str]:
    """Return the subprotocols that a WebSocket client offers."""
    headers = request.headers.getall("Sec-WebSocket-Protocol", [])
    return [each.strip() for header in headers for each in header.split(",") if each.strip()]


def _check_version(request: web.BaseRequest, spoken: str) -> None:
    """Raise Forbidden for a SPDY client that does not offer the protocol ``spoken``."""
    headers = request.headers.getall(PROTOCOL_HEADER, [])
    if spoken not in [each.strip() for header in headers for each in header.split(",")]:
        message = (
            f"unable to upgrade: unable to negotiate protocol: client supports {headers}, server accepts [{spoken}]"
        )
        raise StatusError(403, "Forbidden", message)
