"""The API server on the wire: TLS, HTTP/1.1, and what becomes of a handler's answer. It decides nothing.

``handle`` answers a Request at once; a Response is written, a Watch is streamed, a Session is handed to the kubelet,
what is Proxied goes on to a pod. Only this package knows aiohttp.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web

from kubeapi.status import InternalError, StatusError
from kubeapi.store import Store
from kubeapiserver.auth.access import Access
from kubeapiserver.auth.authorization import IMPERSONATION, USER_HEADER
from kubeapiserver.errors import BODY_LIMIT, BadInput, TooLarge
from kubeapiserver.messages import Answer, Proxied, Request, Response, Watch
from kubeapiserver.requests.paths import is_proxy_path
from kubeapiserver.responses.statuses import failure_response
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.offloop import LARGE_BYTES, OffLoop
from kubeapiserver.wire.proxy import PodProxy
from kubeapiserver.wire.sessions import SessionServer
from kubeapiserver.wire.watch import WatchStream, serve_watch

NAME = "kube-apiserver"
LINE_LIMIT = 256 * 1024
"""Bytes of a request line: the command of an exec is in it."""
FIELD_LIMIT = 64 * 1024
"""Bytes of one header."""
HEAD_SECONDS = 32.0
"""How long a client may take for TLS and for the head of a request: ReadHeaderTimeout of apiserver's secure_serving.go.
aiohttp has one time for that and for the silence between requests, for which Go has 90 s."""
BODY_SECONDS = 60.0
"""How long a body may take to arrive (kube-apiserver's --request-timeout)."""
GZIP_BYTES = 128 * 1024
"""From where on an answer is compressed, when the client accepts it (apiserver's defaultGzipThresholdBytes)."""
CLOSE_SECONDS = 2.0
"""How long requests may go on when the server closes."""
BACKLOG = 1024
"""Connections that wait to be accepted."""
WATCH_LIMIT, SESSION_LIMIT = 10_000, 500
"""Watches and sessions at a time; more are told to come again later (429)."""

Flush = Callable[[], Awaitable[None]]
"""Returns when everything that has been written to the Store so far is on disk; StatusError if it cannot be."""


async def flush_nothing() -> None:
    """Be the Flush of a Store that nobody keeps."""


class APIServerListener:
    """Serves ``handle`` on listening sockets. ``start``, then ``close``.

    A request that may have written is answered only after ``flush``. ``large`` handles those with a large body.
    """

    def __init__(
        self,
        handle: Callable[[Request], Answer],
        store: Store,
        runtime: Runtime,
        access: Access,
        flush: Flush = flush_nothing,
        large: OffLoop | None = None,
    ) -> None:
        self._handle = handle
        self._large = large
        self._store = store
        self._access = access
        self._flush = flush
        self._sessions = SessionServer(runtime)
        self._proxy = PodProxy(runtime)
        self._watches: set[WatchStream] = set()
        self._runner: web.ServerRunner | None = None
        self._listening: asyncio.Server | None = None

    async def start(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        """Begin to serve; the socket is the server's from now on."""
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
        # web.SockSite would leave TLS its own, longer time.
        self._listening = await asyncio.get_running_loop().create_server(
            server,
            sock=listener,
            ssl=context,
            ssl_handshake_timeout=HEAD_SECONDS if context is not None else None,
            backlog=BACKLOG,
        )

    async def close(self) -> None:
        """End watches cleanly, sessions at once, and close every connection."""
        for each in list(self._watches):
            each.end()
        await self._sessions.close()
        if self._listening is not None:
            self._listening.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._proxy.close()
        if self._large is not None:
            self._large.close()

    async def _answer(self, received: web.BaseRequest) -> web.StreamResponse:
        try:
            request = _read_head(received)
            refusal = self._access.refusal(request.path, request.headers)
            if refusal is not None:
                return await _write(received, failure_response(refusal))
            if is_proxy_path(request.path):
                return await self._give(received, self._handle(request))
            answer = await self._work(replace(request, body=await _read_body(received)))
            if request.method not in ("GET", "HEAD"):
                await self._flush()
            return await self._give(received, answer)
        except StatusError as error:
            return await _write(received, failure_response(error))
        except ConnectionError:
            raise
        except Exception as error:
            self._store.faults.note(NAME, f"{received.method} {received.path}", error)
            return await _write(received, failure_response(InternalError(f"{type(error).__name__}: see the log")))

    async def _work(self, request: Request) -> Answer:
        """Handle a request here, or where a large body holds nobody up."""
        if self._large is None or len(request.body) < LARGE_BYTES:
            return self._handle(request)
        return await self._large.handle(request)

    async def _give(self, received: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        if isinstance(answer, Response):
            return await _write(received, answer)
        if isinstance(answer, Watch):
            return await self._stream(received, answer)
        if isinstance(answer, Proxied):
            return await self._proxy.serve(received, answer)
        if self._sessions.count >= SESSION_LIMIT:
            raise _too_many("sessions")
        return await self._sessions.serve(received, answer)

    async def _stream(self, received: web.BaseRequest, watch: Watch) -> web.StreamResponse:
        if len(self._watches) >= WATCH_LIMIT:
            raise _too_many("watches")
        transport = received.transport
        if transport is None:
            raise ConnectionResetError
        stream = WatchStream(watch, self._store, transport.abort)
        # Before anything is awaited: no event may be missed.
        stop = self._store.watch(watch.resource, watch.resource_version, stream.note)
        self._watches.add(stream)
        try:
            return await serve_watch(received, stream)
        finally:
            stop()
            self._watches.discard(stream)


def _read_head(received: web.BaseRequest) -> Request:
    headers = {name.lower(): value for name, value in received.headers.items()}
    if USER_HEADER in headers:
        for name in headers:
            if name.startswith(IMPERSONATION):
                headers[name] = "\n".join(received.headers.getall(name))
    try:
        return Request.of(received.method, received.raw_path, headers)
    except ValueError as error:
        message = f"the request target cannot be read: {error}"
        raise BadInput(message) from None


async def _read_body(received: web.BaseRequest) -> bytes:
    """Return the body; StatusError when it is too long, too slow, or cannot be unpacked."""
    if not received.can_read_body:
        return b""
    if (received.content_length or 0) > BODY_LIMIT:
        raise TooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in received.content.iter_any():
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise TooLarge
    except TimeoutError:
        raise StatusError(408, "Timeout", "the request's body did not arrive in time") from None
    except (web.PayloadAccessError, web.RequestPayloadError) as error:
        message = f"the request's body cannot be read: {error}"
        raise BadInput(message) from None
    return bytes(body)


async def _write(received: web.BaseRequest, answer: Response) -> web.StreamResponse:
    body, headers = answer.body, [("Content-Type", answer.content_type), *answer.headers]
    if len(body) >= GZIP_BYTES and "gzip" in received.headers.get("Accept-Encoding", ""):
        body = await asyncio.to_thread(_gzip, body)
        headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    response = web.Response(status=answer.status, body=body)
    response.headers.popall("Content-Type", None)
    response.headers.extend(headers)
    if not received.content.is_eof():
        # What is left of a refused body must not be taken for the next request.
        response.force_close()
    return response


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()


def _too_many(what: str) -> StatusError:
    return StatusError(429, "TooManyRequests", f"too many {what} at a time, please try again later")
