"""How a component follows the Store: list once, then watch, and hand over what changed.

The one file of kubeapi that knows asyncio. ``ListerWatcher`` is all that kube-proxy and the DNS server ever see of
the cluster, so the same code can follow a real API server. Follows client-go ``tools/cache``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, Protocol

from kubeapi.faults import Faults, Subject
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import Resource
from kubeapi.status import StatusError
from kubeapi.store import EventType, Store, WatchEvent

RETRY_SECONDS = 1.0
"""Pause before listing again after a source has failed (client-go's reflector starts at 0.8 s)."""

HTTP_GONE = 410
"""The code of a watch that asked for events older than the source's history (``status.Expired``)."""


class ObjectList(NamedTuple):
    """A consistent snapshot: the objects, and the version to watch from."""

    items: Sequence[JSON]
    resource_version: int


class ListerWatcher(Protocol):
    """A source of objects: the Store in this process, or an API server."""

    async def list(self, resource: Resource) -> ObjectList:
        """Return all objects of the resource."""
        ...

    def watch(self, resource: Resource, resource_version: int) -> AsyncIterator[Sequence[WatchEvent]]:
        """Yield what happens after ``resource_version``, as many events at a time as there are.

        Raises StatusError 410 when it cannot reach back so far.
        """
        ...


class Delta(NamedTuple):
    """One object's change: ``old`` is None when it is new, ``new`` is None when it is gone."""

    key: ObjectKey
    old: JSON | None
    new: JSON | None


Handler = Callable[[Delta], None]
"""Is told of one change; must not await and should only take note."""


class _Listener(NamedTuple):
    """Somebody who is told: ``component`` is its name, ``lost`` the objects whose last change it failed at."""

    component: str
    handle: Handler
    after: Callable[[], None] | None
    lost: set[ObjectKey]


class Informer:
    """Keeps ``cache`` equal to the source's objects and tells its handlers about every change.

    ``run`` is the owner's task; cancelling it ends the informer. Handlers added before ``run`` see everything. One that
    raises at a change has lost that object until the next change of it: ``faults`` tells of it, and no other object and
    no other handler is concerned.
    """

    def __init__(self, source: ListerWatcher, resource: Resource, faults: Faults | None = None) -> None:
        self.resource = resource
        self.cache: dict[ObjectKey, JSON] = {}
        self._source = source
        self._faults = faults or Faults()
        self._listeners: list[_Listener] = []
        self._synced = asyncio.Event()

    @property
    def has_synced(self) -> bool:
        """Whether the first list has been handed to the handlers."""
        return self._synced.is_set()

    def add_handler(self, component: str, handler: Handler, after: Callable[[], None] | None = None) -> None:
        """Have ``handler`` told of every change from now on, and ``after`` called when those that came together are."""
        self._listeners.append(_Listener(component, handler, after, set()))

    async def wait_for_sync(self) -> None:
        """Return once the first list has been handed to the handlers."""
        await self._synced.wait()

    async def run(self) -> None:
        """Follow the source until cancelled; one that fails is listed again after a pause, an expired watch at once."""
        while True:
            try:
                await self._list_and_watch()
            except StatusError as error:
                if error.code != HTTP_GONE:
                    await asyncio.sleep(RETRY_SECONDS)
            except (ConnectionError, TimeoutError):
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as fault:
                self._faults.note("informer", f"listing and watching {self.resource}", fault)
                await asyncio.sleep(RETRY_SECONDS)

    async def _list_and_watch(self) -> None:
        listed = await self._source.list(self.resource)
        self._replace(listed.items)
        self._synced.set()
        async for events in self._source.watch(self.resource, listed.resource_version):
            self._tell([self._apply(event) for event in events])

    def _replace(self, items: Sequence[JSON]) -> None:
        """Make the cache equal to a list; what vanished while nobody watched is told as deleted."""
        listed = {key_of(item): item for item in items}
        gone = [Delta(key, old, None) for key, old in self.cache.items() if key not in listed]
        changed = [Delta(key, self.cache.get(key), new) for key, new in listed.items() if self.cache.get(key) != new]
        self.cache = listed
        self._tell([*gone, *changed])

    def _apply(self, event: WatchEvent) -> Delta:
        key = key_of(event.object)
        old = self.cache.get(key)
        if event.type is EventType.DELETED:
            self.cache.pop(key, None)
            return Delta(key, old, None)
        self.cache[key] = event.object
        return Delta(key, old, event.object)

    def _tell(self, deltas: Sequence[Delta]) -> None:
        if not deltas:
            return
        for delta in deltas:
            for listener in self._listeners:
                try:
                    listener.handle(delta)
                except Exception as fault:
                    listener.lost.add(delta.key)
                    self._faults.note(listener.component, Subject(self.resource, delta.key), fault)
                else:
                    if listener.lost and delta.key in listener.lost:
                        listener.lost.discard(delta.key)
                        self._faults.forget(listener.component, Subject(self.resource, delta.key))
        for listener in self._listeners:
            if listener.after is not None:
                with self._faults.guard(listener.component, f"changes of {self.resource}"):
                    listener.after()


class StoreListerWatcher:
    """The ListerWatcher of a Store in this process: a watch wakes once for all the writes of one loop turn."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, resource: Resource) -> ObjectList:
        """Return all objects of the resource."""
        return ObjectList(self._store.list(resource), self._store.resource_version)

    async def watch(self, resource: Resource, resource_version: int) -> AsyncIterator[Sequence[WatchEvent]]:
        """Yield events in batches, for ever."""
        pending: deque[WatchEvent] = deque()
        wake = asyncio.Event()

        def note(event: WatchEvent) -> None:
            pending.append(event)
            wake.set()

        stop = self._store.watch(resource, resource_version, note)
        try:
            while True:
                await wake.wait()
                wake.clear()
                batch = list(pending)
                pending.clear()
                yield batch
        finally:
            stop()
