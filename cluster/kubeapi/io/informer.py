"""Follows a source of objects: lists once, then watches, and hands over what changed (client-go ``tools/cache``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple

from kubeapi.failures import Failures, Subject
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import Resource
from kubeapi.status import StatusError
from kubeapi.watching import Delta, EventType, ListerWatcher, PagedListerWatcher, WatchEvent

RETRY_SECONDS = 1.0
"""Pause before listing again after a source has failed (client-go's reflector starts at 0.8 s)."""

HTTP_GONE = 410
"""The code of a watch that asked for events older than the source's history (``status.Expired``)."""


Handler = Callable[[Delta], None]
"""Receives one change; it must return quickly and do its work later."""


class _Registered(NamedTuple):
    """A handler of the changes: ``component`` is its name, ``lost`` the objects at whose last change it failed."""

    component: str
    handle: Handler
    after: Callable[[], None] | None
    lost: set[ObjectKey]


class Informer:
    """Keeps ``cache`` equal to the source's objects and calls its handlers with every change.

    ``run`` is the owner's task; cancelling it ends the informer. Handlers added before ``run`` see everything. A
    handler that raises at a change has lost that object until the object's next change: ``failures`` records it, and no
    other object or handler is affected.

    With ``keeps_objects`` false the cache stays empty, no change has an ``old``, and a list hands over every object, a
    page as soon as it is there: of a large cluster the objects themselves take more memory than what handlers make of
    them. After each ``turn`` changes
    of a list other tasks have their turn, so that none is held up by a large one; 0 hands over all at once.
    """

    def __init__(
        self,
        source: ListerWatcher,
        resource: Resource,
        failures: Failures | None = None,
        *,
        keeps_objects: bool = True,
        turn: int = 0,
    ) -> None:
        self.resource = resource
        self._turn = turn
        self._keeps_objects = keeps_objects
        self._keys: set[ObjectKey] = set()
        """Those of the objects that are not kept."""
        self.cache: dict[ObjectKey, JSON] = {}
        self._source = source
        self._failures = failures or Failures()
        self._handlers: list[_Registered] = []
        self._synced = asyncio.Event()

    @property
    def has_synced(self) -> bool:
        """Whether the first list has been handed to the handlers."""
        return self._synced.is_set()

    def add_handler(self, component: str, handler: Handler, after: Callable[[], None] | None = None) -> None:
        """Call ``handler`` with every change from now on, and ``after`` after each batch of changes."""
        self._handlers.append(_Registered(component, handler, after, set()))

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
            except Exception as failure:
                self._failures.note("informer", f"listing and watching {self.resource}", failure)
                await asyncio.sleep(RETRY_SECONDS)

    async def _list_and_watch(self) -> None:
        # The list itself must not live as long as the watch: it holds objects that change meanwhile, or are not kept.
        version = await self._list()
        async for events in self._source.watch(self.resource, version):
            self._hand_over([self._apply(event) for event in events])

    async def _list(self) -> str:
        """Hand over a list, and return its version."""
        if not self._keeps_objects and isinstance(self._source, PagedListerWatcher):
            version = await self._list_by_pages(self._source)
        else:
            listed = await self._source.list(self.resource)
            await self._hand_over_list(self._replace(listed.items))
            version = listed.resource_version
        self._synced.set()
        return version

    async def _list_by_pages(self, source: PagedListerWatcher) -> str:
        """Hand over each page of a list before the next one is read."""
        listed, version = set[ObjectKey](), ""
        async with aclosing(source.pages(self.resource)) as pages:
            async for page in pages:
                if page.is_first:
                    listed.clear()
                deltas = [Delta(key_of(each), None, each) for each in page.items]
                version, keys = page.resource_version, {each.key for each in deltas}
                listed |= keys
                self._keys |= keys  # also of a list that ends before its end: the next one may not have them
                await self._hand_over_list(deltas)
        vanished = [Delta(key, None, None) for key in self._keys - listed]
        self._keys = listed
        await self._hand_over_list(vanished)
        return version

    async def _hand_over_list(self, deltas: Sequence[Delta]) -> None:
        for begin in range(0, len(deltas), self._turn or len(deltas) or 1):
            self._handle(deltas[begin : begin + (self._turn or len(deltas))])
            if self._turn:
                await asyncio.sleep(0)
        self._end_batch(deltas)

    def _replace(self, items: Sequence[JSON]) -> list[Delta]:
        """Make the cache equal to a list and return what changed; what vanished between two watches is deleted."""
        listed = {key_of(item): item for item in items}
        if not self._keeps_objects:
            known, self._keys = self._keys, set(listed)
            vanished = [Delta(key, None, None) for key in known - self._keys]
            return [*vanished, *(Delta(key, None, new) for key, new in listed.items())]
        gone = [Delta(key, old, None) for key, old in self.cache.items() if key not in listed]
        changed = [Delta(key, self.cache.get(key), new) for key, new in listed.items() if self.cache.get(key) != new]
        self.cache = listed
        return [*gone, *changed]

    def _apply(self, event: WatchEvent) -> Delta:
        key = key_of(event.object)
        if not self._keeps_objects:
            return self._note(key, event)
        old = self.cache.get(key)
        if event.type is EventType.DELETED:
            self.cache.pop(key, None)
            return Delta(key, old, None)
        self.cache[key] = event.object
        return Delta(key, old, event.object)

    def _note(self, key: ObjectKey, event: WatchEvent) -> Delta:
        if event.type is EventType.DELETED:
            self._keys.discard(key)
            return Delta(key, None, None)
        self._keys.add(key)
        return Delta(key, None, event.object)

    def _hand_over(self, deltas: Sequence[Delta]) -> None:
        self._handle(deltas)
        self._end_batch(deltas)

    def _handle(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            for each in self._handlers:
                try:
                    each.handle(delta)
                except Exception as failure:
                    each.lost.add(delta.key)
                    self._failures.note(each.component, Subject(self.resource, delta.key), failure)
                else:
                    if each.lost and delta.key in each.lost:
                        each.lost.discard(delta.key)
                        self._failures.forget(each.component, Subject(self.resource, delta.key))

    def _end_batch(self, deltas: Sequence[Delta]) -> None:
        for each in self._handlers if deltas else ():
            if each.after is not None:
                with self._failures.guard(each.component, f"changes of {self.resource}"):
                    each.after()
