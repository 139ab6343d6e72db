"""The API server's listener: TLS, HTTP/1.1, and the writing of answers.

``handle`` answers a Request at once. A Response is written, a Watch is streamed, a Session is handed to the kubelet,
a Proxied request is forwarded to a pod, a Delegated one to an extension API server.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from kubeapi.failures import describe
from kubeapi.status import InternalError, StatusError
from kubeapi.store import Store
from kubeapi.users import ADMINISTRATOR
from kubeapiserver.auth.access import Access
from kubeapiserver.errors import TooManyRequests
from kubeapiserver.messages import Answer, Delegated, Proxied, Request, Response, Watch
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.requests.paths import is_proxy_path
from kubeapiserver.responses.statuses import failure_response
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.handling import RequestHandler
from kubeapiserver.wire.largerequests import LargeRequests
from kubeapiserver.wire.listening import Listening
from kubeapiserver.wire.receiving import read_body, read_head
from kubeapiserver.wire.rounds import Rounds
from kubeapiserver.wire.watch import WatchStream, serve_watch

if TYPE_CHECKING:
    from kubeapiserver.wire.forwarding.proxy import PodProxy
    from kubeapiserver.wire.sessions.serving import SessionServer

NAME = "kube-apiserver"
LINE_LIMIT = 256 * 1024
"""Bytes of a request line, which contains the command of an exec."""
FIELD_LIMIT = 64 * 1024
"""Bytes of one header."""
HEAD_SECONDS = 32.0
"""Time limit for the head of a request (ReadHeaderTimeout of apiserver's secure_serving.go). aiohttp has the same limit
for idle keep-alive connections, for which Go has 90 s; a shorter one would cut connections that clients reuse."""
PIECE_BYTES = 128 * 1024
"""Bytes of a large answer that are encrypted and written at a time: all of it at once would be in memory four times."""
CLOSE_SECONDS = 2.0
"""Time that running requests get when the server closes."""
WATCH_LIMIT, SESSION_LIMIT = 10_000, 500
"""Open watches and sessions; further ones get 429."""

Flush = Callable[[], Awaitable[None]]
"""Returns when everything that has been written to the Store so far is on disk; StatusError if that fails."""


class Extensions(Protocol):
    """The extension API servers."""

    def answers(self, path: str) -> bool:
        """Tell whether one of them answers for a path, so that a request's body must not be read here."""
        ...

    async def serve(self, received: web.BaseRequest, delegated: Delegated) -> web.StreamResponse:
        """Forward one request and return its answer."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """What answers requests: ``handle``, and for large bodies ``large``. A write is answered after ``flush``."""

    handle: Callable[[Request], Answer]
    store: Store
    flush: Flush
    large: LargeRequests | None = None
    extensions: Extensions | None = None


class APIServerListener:
    """Serves a backend on a listening socket. ``start``, then ``close``."""

    def __init__(self, backend: Backend, runtime: Runtime, access: Access) -> None:
        self._handle = backend.handle
        proxying = Proxying(backend.store, random.Random())
        self._handler = RequestHandler(backend.handle, backend.large, runtime, proxying)
        self._store = backend.store
        self._flush = backend.flush
        self._access = access
        self._extensions = backend.extensions
        self._runtime = runtime
        self._sessions: SessionServer | None = None
        self._proxy: PodProxy | None = None
        self._watches: set[WatchStream] = set()
        self._rounds = Rounds()
        self._runner: web.ServerRunner | None = None
        self._listening: Listening | None = None

    async def start(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        """Begin to serve on a bound socket, which now belongs to the server; without a context there is no TLS."""
        server = web.Server(
            self._answer,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=HEAD_SECONDS,
            max_line_size=LINE_LIMIT,
            max_field_size=FIELD_LIMIT,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=CLOSE_SECONDS)
        await self._runner.setup()
        self._listening = Listening(server, context)
        await self._listening.add(listener)

    async def listen(self, listener: socket.socket) -> asyncio.Server:
        """Serve on one more bound socket, until the server or what is returned is closed."""
        assert self._listening is not None
        return await self._listening.add(listener)

    async def close(self) -> None:
        """End watches cleanly, cut sessions, and close every connection."""
        for each in list(self._watches):
            each.end()
        if self._sessions is not None:
            await self._sessions.close()
        if self._listening is not None:
            self._listening.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._proxy is not None:
            await self._proxy.close()
        self._handler.close()

    async def _answer(self, received: web.BaseRequest) -> web.StreamResponse:
        try:
            request = read_head(received)
            admitted = self._access.admit(request.path, request.headers)
            if isinstance(admitted, StatusError):
                return await _write(received, failure_response(admitted))
            if admitted is not None and admitted is not ADMINISTRATOR:
                request = request._replace(user=admitted)
            if is_proxy_path(request.path) or (self._extensions and self._extensions.answers(request.path)):
                return await self._send(received, self._handle(request))
            answer = await self._handler.answer(request._replace(body=await read_body(received)))
            # A write that has been answered must survive a crash.
            if request.method not in ("GET", "HEAD"):
                await self._flush()
            return await self._send(received, answer)
        except StatusError as error:
            return await _write(received, failure_response(error))
        except ConnectionError:
            raise
        except Exception as error:
            self._store.failures.note(NAME, f"{received.method} {received.path}", error)
            said = describe(error) if isinstance(error, ImportError) else f"{type(error).__name__}: see the log"
            return await _write(received, failure_response(InternalError(said)))

    async def _send(self, received: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        if isinstance(answer, Response):
            return await _write(received, answer)
        if isinstance(answer, Watch):
            return await self._stream(received, answer)
        if isinstance(answer, Proxied):
            return await self._pod_proxy().serve(received, answer)
        if isinstance(answer, Delegated):
            assert self._extensions is not None
            return await self._extensions.serve(received, answer)
        sessions = self.sessions()
        if sessions.count >= SESSION_LIMIT:
            raise TooManyRequests("sessions")
        return await sessions.serve(received, answer)

    # The two are imported for their first request: no start needs them, and many clusters never do.

    def _pod_proxy(self) -> PodProxy:
        if self._proxy is None:
            from kubeapiserver.wire.forwarding.proxy import PodProxy

            self._proxy = PodProxy(self._runtime)
        return self._proxy

    def sessions(self) -> SessionServer:
        """Return what serves sessions."""
        if self._sessions is None:
            from kubeapiserver.wire.sessions.serving import SessionServer

            self._sessions = SessionServer(self._runtime)
        return self._sessions

    async def _stream(self, received: web.BaseRequest, watch: Watch) -> web.StreamResponse:
        if len(self._watches) >= WATCH_LIMIT:
            raise TooManyRequests("watches")
        transport = received.transport
        if transport is None:
            raise ConnectionResetError
        stream = WatchStream(watch, self._store, transport.abort, self._rounds, self._handler.call)
        # Before the first await, so that no event is missed.
        stop = self._store.watch(watch.resource, watch.resource_version, stream.put)
        self._watches.add(stream)
        try:
            return await serve_watch(received, stream)
        finally:
            stop()
            self._watches.discard(stream)


async def _write(received: web.BaseRequest, answer: Response) -> web.StreamResponse:
    body, status = answer.body, answer.status
    is_large = len(body) > PIECE_BYTES and received.method != "HEAD"
    response = web.StreamResponse(status=status) if is_large else web.Response(status=status, body=body)
    response.headers.popall("Content-Type", None)
    response.headers.extend([("Content-Type", answer.content_type), *answer.headers])
    if not received.content.is_eof():
        # The rest of a refused body must not be read as the next request.
        response.force_close()
    if is_large:
        await _write_pieces(received, response, body)
    return response


async def _write_pieces(received: web.BaseRequest, response: web.StreamResponse, body: bytes) -> None:
    """Write a large answer, uncompressed: clients are on this machine, where compression costs more than it saves."""
    response.content_length = len(body)
    await response.prepare(received)
    whole = memoryview(body)
    for begin in range(0, len(body), PIECE_BYTES):
        await response.write(whole[begin : begin + PIECE_BYTES])
