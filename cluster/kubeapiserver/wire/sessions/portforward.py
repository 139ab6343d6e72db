"""port-forward over SPDY: connections to a pod's ports, each with an error stream and a data stream of its client.

Follows kubelet ``cri/streaming/portforward``. A pod that refuses or resets a connection is told of on the error stream,
upon which kubectl ends altogether, as with a real cluster.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

from kubeapi.status import StatusError
from kubeapi.streaming.io.joined import JoinedSocket
from kubeapi.streaming.io.multiplexer import Multiplexer
from kubeapi.streaming.portforward import ERROR, read_port_stream
from kubeapiserver.messages import PortForwardSession
from kubehost.io.connecting import TCPSocket

DIAL_SECONDS = 5.0
"""Time limit for a pod to accept a connection."""

OpenPort = Callable[[int], Awaitable[TCPSocket]]
"""Connects to a port of the pod; StatusError, OSError. The caller owns the socket."""


class ForwardError(Exception):
    """A connection cannot be forwarded; the text is the kubelet's."""


async def dial(session: PortForwardSession, port: int, open_port: OpenPort) -> TCPSocket:
    """Connect to a port of the pod; ForwardError if that fails."""
    try:
        async with asyncio.timeout(DIAL_SECONDS):
            return await open_port(port)
    except (OSError, StatusError) as error:
        raise ForwardError(describe(session, port, error)) from None


def describe(session: PortForwardSession, port: int, error: Exception) -> str:
    """Return the kubelet's text for a connection that failed."""
    detail = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "timed out"
    return f"error forwarding port {port} to pod {session.pod.name}, uid : {detail}"


class SpdyForwarder:
    """The forwarded connections of one client over SPDY; ``accept`` is for its ``Multiplexer``."""

    def __init__(self, session: PortForwardSession, open_port: OpenPort) -> None:
        self.session = session
        self.open_port = open_port
        self._errors: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, wire: Multiplexer, stream: int, headers: Mapping[str, str]) -> None:
        """Accept the streams of a connection, and dial the pod when there are both."""
        wanted = read_port_stream(headers)
        if wanted is None or (wanted.purpose != ERROR and wanted.request not in self._errors):
            wire.reset(stream)
        elif wanted.purpose == ERROR:
            wire.accept(stream, _NoInput())
            self._errors[wanted.request] = stream
        else:
            connection = PodConnection(self, wanted.port, self._errors.pop(wanted.request))
            wire.accept(stream, connection)
            connection.join(wire, stream)
            name = f"port-forward to {self.session.pod.name}:{wanted.port}"
            task = asyncio.create_task(connection.dial(), name=name)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Dial no more; the connections end with the client's."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _NoInput:
    """The owner of an error stream, on which the client sends nothing."""

    carries_data = False

    def received(self, content: bytes) -> None:
        """Ignore it."""

    def ended(self) -> None:
        """Know: clients end it at once."""

    def broken(self, reason: str) -> None:
        """Know."""

    def pause(self) -> None:
        """Know: there is hardly anything to send."""

    def resume(self) -> None:
        """Know."""


class PodConnection(JoinedSocket):
    """One connection to a pod; ``errors`` is its error stream."""

    def __init__(self, forwarder: SpdyForwarder, port: int, errors: int) -> None:
        super().__init__()
        self._forwarder = forwarder
        self._port = port
        self._errors = errors

    async def dial(self) -> None:
        """Connect to the pod, or tell the client why not."""
        try:
            sock = await dial(self._forwarder.session, self._port, self._forwarder.open_port)
        except ForwardError as error:
            self._fail(str(error))
            return
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, sock=sock)
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            self._fail(describe(self._forwarder.session, self._port, error))
        if self._wire is None:  # the client has gone meanwhile
            self.abort()

    def eof_received(self) -> bool:
        """Pass the pod's end on; nothing will fail any more."""
        if self._wire is not None:
            self._wire.end(self._errors)
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the client of a pod that resets the connection."""
        if error is not None:
            self._fail(describe(self._forwarder.session, self._port, _reset(error)))
        self._end_errors()
        super().connection_lost(error)

    def broken(self, reason: str) -> None:
        """Reset the pod's connection, as the client has reset its own."""
        self._end_errors()
        super().broken(reason)

    def _end_errors(self) -> None:
        if self._wire is not None:
            self._wire.end(self._errors)
            self._wire.forget(self._errors)

    def _fail(self, text: str) -> None:
        """Tell the client why there is no connection (any more), and end it."""
        if self._wire is not None:
            self._wire.send(self._errors, text.encode())
            self._end_errors()
            self._wire.end(self._stream)
            self._wire.forget(self._stream)
            self._wire = None


def _reset(error: Exception) -> Exception:
    """Return an error with the words that Go has for it."""
    code = error.errno if isinstance(error, OSError) else None
    return OSError(code, f"read: {os.strerror(code).lower()}") if code else error
