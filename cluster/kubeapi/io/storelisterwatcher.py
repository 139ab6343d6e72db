"""Lists and watches a Store in this process, for informers: the Reflector's side of client-go, without HTTP."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from kubeapi.scheme import Resource
from kubeapi.store import Store
from kubeapi.watching import ObjectList, WatchEvent


class StoreListerWatcher:
    """The ListerWatcher of a Store in this process: a watch wakes once for all the writes of one loop turn."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, resource: Resource) -> ObjectList:
        """Return all objects of the resource."""
        return ObjectList(self._store.list(resource), str(self._store.resource_version))

    async def watch(self, resource: Resource, resource_version: str) -> AsyncIterator[Sequence[WatchEvent]]:
        """Yield events in batches, for ever; 410 when the Store's history does not reach back so far."""
        pending: deque[WatchEvent] = deque()
        wake = asyncio.Event()

        def note(event: WatchEvent) -> None:
            pending.append(event)
            wake.set()

        stop = self._store.watch(resource, int(resource_version), note)
        try:
            while True:
                await wake.wait()
                wake.clear()
                batch = list(pending)
                pending.clear()
                yield batch
        finally:
            stop()
