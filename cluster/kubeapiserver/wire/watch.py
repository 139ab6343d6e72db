"""A watch on the wire: the Store's events as JSON, as they come, for as long as the client keeps up.

They are lines of one answer, or, for who asks for a WebSocket, text messages. A watcher that does not read is dropped,
not buffered for: its client lists and watches again. Follows apiserver ``pkg/endpoints/handlers/watch.go`` and
``pkg/storage/cacher``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from kubeapi.faults import Subject
from kubeapi.meta import key_of
from kubeapi.store import Store, WatchEvent
from kubeapiserver.messages import JSON_TYPE, Watch

PENDING_LIMIT = 10_000
"""Events that may wait for one client; as many as the Store itself remembers."""
BATCH_EVENTS = 500
"""Events of one write: enough to be cheap, few enough for the event loop to breathe."""
BOOKMARK_SECONDS = 60.0
"""How often a watcher that asked for it is told the resourceVersion (cacher's bookmarkFrequency)."""

SOCKET_LIMIT = 4096
"""Bytes of a message that a watcher sends in a WebSocket, where it has nothing to say."""

Write = Callable[[Sequence[bytes]], Awaitable[None]]
"""Writes the lines of some events."""


class WatchStream:
    """Takes events inside the writes that make them, and writes them from the task that runs ``serve``.

    ``drop`` cuts the connection; it is called when the client has not kept up.
    """

    def __init__(self, watch: Watch, store: Store, drop: Callable[[], None]) -> None:
        self._watch = watch
        self._store = store
        self._drop = drop
        self._pending: deque[WatchEvent] = deque()
        self._wake = asyncio.Event()
        self._is_ending = watch.is_over

    def note(self, event: WatchEvent) -> None:
        """Take an event; the Store's sink."""
        if self._is_ending:
            return
        if len(self._pending) >= PENDING_LIMIT:
            self._pending.clear()
            self.end()
            self._drop()
            return
        self._pending.append(event)
        self._wake.set()

    def end(self) -> None:
        """Let ``serve`` return as soon as it has written what is pending."""
        self._is_ending = True
        self._wake.set()

    async def serve(self, write: Write) -> None:
        """Write until the time is up or ``end`` is called; whatever ``write`` raises is passed on."""
        if self._watch.initial:
            await write(self._watch.initial)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._watch.timeout_seconds or None):
                while not self._is_ending:
                    await self._turn(write)

    async def _turn(self, write: Write) -> None:
        """Wait for events, or for the time of a bookmark, and write what there is."""
        bookmark = self._watch.bookmark
        try:
            async with asyncio.timeout(BOOKMARK_SECONDS if bookmark else None):
                await self._wake.wait()
        except TimeoutError:
            assert bookmark is not None
            await write([bookmark(self._store.resource_version)])
            return
        self._wake.clear()
        while self._pending:
            events = [self._pending.popleft() for _ in range(min(BATCH_EVENTS, len(self._pending)))]
            lines = [line for event in events if (line := self._encode(event)) is not None]
            if lines:
                await write(lines)

    def _encode(self, event: WatchEvent) -> bytes | None:
        """Return the line of an event, None if the watcher does not want it; what cannot be written is one event."""
        try:
            return self._watch.encode(event)
        except Exception as fault:
            subject = Subject(self._watch.resource, key_of(event.object))
            self._store.faults.note("kube-apiserver (watch)", subject, fault)
            return None


async def serve_watch(received: web.BaseRequest, stream: WatchStream) -> web.StreamResponse:
    """Serve a watch to its end, in the way that the client asks for."""
    if received.headers.get("Upgrade", "").lower() == "websocket":
        return await _serve_socket(received, stream)
    response = web.StreamResponse(headers={"Content-Type": JSON_TYPE, "Cache-Control": "no-cache, private"})
    await response.prepare(received)
    with contextlib.suppress(ConnectionError):
        await stream.serve(lambda lines: response.write(b"".join(lines)))
    return response


async def _serve_socket(received: web.BaseRequest, stream: WatchStream) -> web.StreamResponse:
    """Send a text message for every event, and close at the end; a protocol is spoken if it is the only one offered."""
    offered = [each.strip() for each in received.headers.get("Sec-WebSocket-Protocol", "").split(",") if each.strip()]
    protocols = offered if len(offered) == 1 else ()
    socket = web.WebSocketResponse(protocols=protocols, compress=False, max_msg_size=SOCKET_LIMIT)
    await socket.prepare(received)

    async def listen() -> None:
        """Answer pings, until the client closes."""
        async for _ in socket:
            pass
        stream.end()

    async def write(lines: Sequence[bytes]) -> None:
        for line in lines:
            await socket.send_str(line.decode())

    listener = asyncio.create_task(listen(), name="reader of a watch")
    try:
        with contextlib.suppress(ConnectionError):
            await stream.serve(write)
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
    await socket.close()
    return socket
