"""A watch on the wire: the Store's events as lines of JSON, as they come, for as long as the client keeps up.

A watcher that does not read is dropped, not buffered for: its client lists and watches again. Follows apiserver
``pkg/endpoints/handlers/watch.go`` and ``pkg/storage/cacher``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from kubeapi.store import Store, WatchEvent
from kubeapiserver.exchange import Watch

PENDING_LIMIT = 10_000
"""Events that may wait for one client; as many as the Store itself remembers."""
BATCH_EVENTS = 500
"""Events of one write: enough to be cheap, few enough for the event loop to breathe."""
BOOKMARK_SECONDS = 60.0
"""How often a watcher that asked for it is told the resourceVersion (cacher's bookmarkFrequency)."""

Write = Callable[[bytes], Awaitable[None]]


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
        self._is_ending = False

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
            await write(b"".join(self._watch.initial))
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
            await write(bookmark(self._store.resource_version))
            return
        self._wake.clear()
        while self._pending:
            events = [self._pending.popleft() for _ in range(min(BATCH_EVENTS, len(self._pending)))]
            lines = [line for event in events if (line := self._watch.encode(event)) is not None]
            if lines:
                await write(b"".join(lines))
