"""Serve a watch: the Store's events as JSON, as they come, for as long as the client keeps up.

While the client reads, events are written in rounds from callbacks of the event loop (``rounds``): waking a task for
each event and watcher would cost more than the rest. The task writes while the client is behind, because it can wait.

Events are lines of one answer, or text messages if the client asks for a WebSocket. A client that does not read is
disconnected rather than buffered for: it lists and watches again. Follows apiserver ``pkg/endpoints/handlers/watch.go``
and ``pkg/storage/cacher``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from kubeapi.failures import Subject
from kubeapi.meta import key_of
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapi.watching import WatchEvent
from kubeapi.webhooks.calls import Caller, CallNeeded
from kubeapiserver.messages import JSON_TYPE, Watch
from kubeapiserver.responses.watches import error_line
from kubeapiserver.wire.rounds import Rounds

PENDING_LIMIT = 10_000
"""Events that may wait for one client; as many as the Store's history has."""
BATCH_EVENTS = 500
"""Events in one write: enough to be cheap, few enough not to hold up the event loop."""
BOOKMARK_SECONDS = 60.0
"""Interval of BOOKMARK events (cacher's bookmarkFrequency)."""

SOCKET_LIMIT = 4096
"""Bytes of a message from a watcher's WebSocket; clients have nothing to send."""

BUFFER_BYTES = 64 * 1024
"""Bytes that the connection may have unsent for events to be written without waiting (aiohttp's limit of a write)."""

Write = Callable[[Sequence[bytes]], Awaitable[None]]
"""Writes the lines of some events, and waits while the client is behind."""


class Connection:
    """The connection of a chunked answer (RFC 9112, 7.1), to be written to without waiting."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def has_room(self) -> bool:
        """Tell whether the client keeps up, and is there."""
        return not self._transport.is_closing() and self._transport.get_write_buffer_size() < BUFFER_BYTES

    def write(self, lines: Sequence[bytes]) -> None:
        """Write the lines of some events as one chunk."""
        content = b"".join(lines)
        self._transport.write(b"%x\r\n%b\r\n" % (len(content), content))


class WatchStream:
    """Queues events, and writes them in the next of the ``rounds``, or from the task that runs ``serve``.

    ``drop`` cuts the connection; it is called when the queue is full. ``call`` calls a webhook that has to convert the
    object of an event; the events after it wait.
    """

    def __init__(self, watch: Watch, store: Store, drop: Callable[[], None], rounds: Rounds, call: Caller) -> None:
        self._watch = watch
        self._call = call
        self._needed: CallNeeded | None = None
        self.headers = watch.headers
        self._store = store
        self._drop = drop
        self._rounds = rounds
        self._pending: deque[WatchEvent] = deque()
        self._wake = asyncio.Event()
        self._connection: Connection | None = None
        self._is_scheduled = False
        self._is_ending = watch.is_over

    @property
    def media(self) -> str:
        """The media type of the stream."""
        return self._watch.media

    def put(self, event: WatchEvent) -> None:
        """Queue an event. The Store calls this within the write that makes the event."""
        if self._is_ending:
            return
        if len(self._pending) >= PENDING_LIMIT:
            self._pending.clear()
            self.end()
            self._drop()
            return
        self._pending.append(event)
        if self._connection is None:
            self._wake.set()
        else:
            self._schedule()

    def end(self) -> None:
        """Let ``serve`` return when the queued events are written."""
        self._is_ending = True
        self._wake.set()

    async def serve(self, write: Write, connection: Connection | None = None) -> None:
        """Write events until the watch times out or ``end`` is called; raises what ``write`` raises.

        ``connection`` is written to only while ``write`` is not running.
        """
        if self._watch.initial:
            await write(self._watch.initial)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._watch.timeout_seconds or None):
                while not self._is_ending:
                    await self._turn(write, connection)

    async def _turn(self, write: Write, connection: Connection | None) -> None:
        """Wait until there is something to write here, or a bookmark is due, and write it."""
        bookmark, is_due = self._watch.bookmark, False
        self._connection = connection
        try:
            async with asyncio.timeout(BOOKMARK_SECONDS if bookmark else None):
                await self._wake.wait()
        except TimeoutError:
            is_due = True
        finally:
            self._connection = None
        self._wake.clear()
        # Before the bookmark: its version must not be newer than an event that follows.
        while self._pending:
            if lines := self._next_lines():
                await write(lines)
            if self._needed is not None:
                await self._convert(self._needed, write)
        if is_due and bookmark is not None:
            await write([bookmark(self._store.resource_version)])

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._rounds.add(self)

    def send(self) -> None:
        """Write a batch without waiting; if the client is behind, let the task write it."""
        self._is_scheduled = False
        if self._connection is None or not self._pending:
            return
        if not self._connection.has_room():
            self._wake.set()
            return
        if lines := self._next_lines():
            self._connection.write(lines)
        if self._needed is not None:
            self._wake.set()
        elif self._pending:
            self._schedule()

    def _next_lines(self) -> list[bytes]:
        """Take a batch of events from the queue and return the lines of those that the watcher sees."""
        lines: list[bytes] = []
        for _ in range(min(BATCH_EVENTS, len(self._pending))):
            event = self._pending.popleft()
            try:
                line = self._encode(event)
            except CallNeeded as needed:
                self._pending.appendleft(event)
                self._needed = needed
                break
            if line is not None:
                lines.append(line)
        return lines

    async def _convert(self, needed: CallNeeded, write: Write) -> None:
        """Have a webhook convert what the next event needs; an error ends the watch."""
        self._needed = None
        try:
            needed.keep(await self._call(needed.call))
        except StatusError as error:
            self._pending.clear()
            self.end()
            await write([error_line(error)])

    def _encode(self, event: WatchEvent) -> bytes | None:
        """Return the line of an event; None if it is out of scope, or if encoding it failed, which is recorded."""
        try:
            return self._watch.encode(event)
        except CallNeeded:
            raise
        except Exception as failure:
            subject = Subject(self._watch.resource, key_of(event.object))
            self._store.failures.note("kube-apiserver (watch)", subject, failure)
            return None


async def serve_watch(received: web.BaseRequest, stream: WatchStream) -> web.StreamResponse:
    """Serve a watch until it ends, by the protocol that the client asks for."""
    if received.headers.get("Upgrade", "").lower() == "websocket":
        return await _serve_socket(received, stream)
    media = stream.media if stream.media == JSON_TYPE else f"{stream.media};stream=watch"
    headers = [("Content-Type", media), ("Cache-Control", "no-cache, private"), *stream.headers]
    response = web.StreamResponse(headers=headers)
    await response.prepare(received)
    with contextlib.suppress(ConnectionError):
        await stream.serve(lambda lines: response.write(b"".join(lines)), _connection_of(received, response))
    return response


def _connection_of(received: web.BaseRequest, response: web.StreamResponse) -> Connection | None:
    """Return the connection of an answer that is chunked; None for HTTP/1.0, whose answers are not."""
    is_chunked = response.headers.get("Transfer-Encoding") == "chunked"
    return Connection(received.transport) if is_chunked and received.transport is not None else None


async def _serve_socket(received: web.BaseRequest, stream: WatchStream) -> web.StreamResponse:
    """Send a text message for every event, and close at the end; an offered subprotocol is accepted if it is alone."""
    offered = [each.strip() for each in received.headers.get("Sec-WebSocket-Protocol", "").split(",") if each.strip()]
    protocols = offered if len(offered) == 1 else ()
    socket = web.WebSocketResponse(protocols=protocols, compress=False, max_msg_size=SOCKET_LIMIT)
    await socket.prepare(received)

    async def write(lines: Sequence[bytes]) -> None:
        for line in lines:
            await socket.send_str(line.decode())

    reader = asyncio.create_task(_read_until_closed(socket, stream), name="reader of a watch")
    try:
        with contextlib.suppress(ConnectionError):
            await stream.serve(write)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    await socket.close()
    return socket


async def _read_until_closed(socket: web.WebSocketResponse, stream: WatchStream) -> None:
    """Answer pings until the client closes the connection, then end the watch."""
    async for _ in socket:
        pass
    stream.end()
