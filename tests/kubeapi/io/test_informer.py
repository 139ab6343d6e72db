"""An Informer's cache equals the source, through batches, failures and an expired watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from tests.helpers.patience import PATIENCE

from kubeapi.io.informer import RETRY_SECONDS, Informer
from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import PODS, Resource
from kubeapi.status import Expired
from kubeapi.store import Store
from kubeapi.watching import Delta, EventType, ListerWatcher, ListPage, ObjectList, WatchEvent


def obj(name: str, value: int = 0) -> JSON:
    return {"metadata": {"name": name, "namespace": "default"}, "value": value}


class Follower:
    """An Informer with what its handler was told, batch by batch."""

    def __init__(self, source: ListerWatcher, *, keeps_objects: bool = True) -> None:
        self.informer = Informer(source, PODS, keeps_objects=keeps_objects)
        self.batches: list[Sequence[Delta]] = []
        self.told = asyncio.Event()
        self._batch: list[Delta] = []
        self.informer.add_handler("follower", self._batch.append, self._note)

    def _note(self) -> None:
        self.batches.append(self._batch.copy())
        self._batch.clear()
        self.told.set()

    async def next_batch(self) -> list[tuple[str, bool, bool]]:
        """Wait for a batch and return name, had an old state, has a new state of each delta."""
        while not self.batches:
            self.told.clear()
            async with asyncio.timeout(PATIENCE):
                await self.told.wait()
        return [(delta.key.name, delta.old is not None, delta.new is not None) for delta in self.batches.pop(0)]


class FlakySource:
    """A source that fails as often as it is told to, and then is the Store."""

    def __init__(
        self, store: Store, *, list_failures: int = 0, before_expiry: Callable[[], None] | None = None
    ) -> None:
        self.list_failures, self.before_expiry = list_failures, before_expiry
        self.lists = 0
        self._source = StoreListerWatcher(store)

    async def list(self, resource: Resource) -> ObjectList:
        self.lists += 1
        if self.lists <= self.list_failures:
            raise ConnectionRefusedError
        return await self._source.list(resource)

    async def watch(self, resource: Resource, resource_version: str) -> AsyncIterator[Sequence[WatchEvent]]:
        if self.before_expiry is not None:
            self.before_expiry()
            self.before_expiry = None
            raise Expired(int(resource_version), int(resource_version) + 1)
        async for batch in self._source.watch(resource, resource_version):
            yield batch


@asynccontextmanager
async def running(follower: Follower) -> AsyncIterator[Follower]:
    task = asyncio.create_task(follower.informer.run())
    try:
        yield follower
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_first_batch_is_what_there_is() -> None:
    store = Store()
    store.create(PODS, obj("a"))
    async with running(Follower(StoreListerWatcher(store))) as follower:
        assert await follower.next_batch() == [("a", False, True)]
        assert follower.informer.has_synced
        await follower.informer.wait_for_sync()


async def test_the_writes_of_one_turn_come_as_one_batch() -> None:
    store = Store()
    async with running(Follower(StoreListerWatcher(store))) as follower:
        await follower.informer.wait_for_sync()
        await asyncio.sleep(0)
        store.create(PODS, obj("a"))
        store.update(PODS, obj("a", 1))
        store.create(PODS, obj("b"))
        store.delete(PODS, "default", "a")
        assert await follower.next_batch() == [
            ("a", False, True),
            ("a", True, True),
            ("b", False, True),
            ("a", True, False),
        ]
        assert list(follower.informer.cache) == [ObjectKey("default", "b")]


async def test_writes_between_list_and_watch_are_not_lost() -> None:
    store = Store()
    async with running(Follower(StoreListerWatcher(store))) as follower:
        await follower.informer.wait_for_sync()
        store.create(PODS, obj("a"))
        assert await follower.next_batch() == [("a", False, True)]


@pytest.mark.looptime
async def test_an_expired_watch_is_followed_by_a_new_list_that_tells_only_what_changed() -> None:
    store = Store()
    for name in ("same", "other", "gone"):
        store.create(PODS, obj(name))

    def change_unseen() -> None:
        store.update(PODS, obj("other", 1))
        store.delete(PODS, "default", "gone")
        store.create(PODS, obj("new"))

    source = FlakySource(store, before_expiry=change_unseen)
    async with running(Follower(source)) as follower:
        await follower.next_batch()
        assert await follower.next_batch() == [("gone", True, False), ("other", True, True), ("new", False, True)]
        assert source.lists == 2


@pytest.mark.looptime
async def test_a_source_that_fails_is_listed_again_after_a_pause() -> None:
    store = Store()
    store.create(PODS, obj("a"))
    source = FlakySource(store, list_failures=2)
    started = asyncio.get_running_loop().time()
    async with running(Follower(source)) as follower:
        assert await follower.next_batch() == [("a", False, True)]
        assert asyncio.get_running_loop().time() - started == 2 * RETRY_SECONDS


async def test_an_informer_that_ends_leaves_no_watch_behind() -> None:
    store = Store()
    async with running(Follower(StoreListerWatcher(store))) as follower:
        await follower.informer.wait_for_sync()
        await asyncio.sleep(0)
    follower.batches.clear()
    store.create(PODS, obj("a"))
    await asyncio.sleep(0)
    assert follower.batches == []


class OpaqueSource:
    """A source whose versions are no numbers, as those of a remote API server need not be."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def list(self, _resource: Resource) -> ObjectList:
        return ObjectList([obj("a")], "v1.a/7")

    async def watch(self, _resource: Resource, resource_version: str) -> AsyncIterator[Sequence[WatchEvent]]:
        self.asked.append(resource_version)
        yield [WatchEvent(EventType.ADDED, obj("b"))]
        await asyncio.Event().wait()


async def test_the_version_of_a_list_is_handed_back_as_it_is() -> None:
    source = OpaqueSource()
    async with running(Follower(source)) as follower:
        assert await follower.next_batch() == [("a", False, True)]
        assert await follower.next_batch() == [("b", False, True)]
    assert source.asked == ["v1.a/7"]


@pytest.mark.looptime
async def test_without_objects_a_new_list_tells_all_and_nothing_is_kept() -> None:
    store = Store()
    for name in ("same", "gone"):
        store.create(PODS, obj(name))

    def change_unseen() -> None:
        store.delete(PODS, "default", "gone")
        store.create(PODS, obj("new"))

    source = FlakySource(store, before_expiry=change_unseen)
    async with running(Follower(source, keeps_objects=False)) as follower:
        assert await follower.next_batch() == [("same", False, True), ("gone", False, True)]
        assert await follower.next_batch() == [("gone", False, False), ("same", False, True), ("new", False, True)]
        store.delete(PODS, "default", "same")
        assert await follower.next_batch() == [("same", False, False)]
        assert follower.informer.cache == {}


class PagedSource(OpaqueSource):
    """A source of pages, which begins its list anew after the second one."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()

    async def pages(self, _resource: Resource) -> AsyncGenerator[ListPage, None]:
        yield ListPage([obj("a"), obj("gone")], "v1", is_first=True)
        await self.may_go_on.wait()
        yield ListPage([obj("gone too")], "v1", is_first=False)
        yield ListPage([obj("a")], "v2", is_first=True)
        yield ListPage([obj("c")], "v2", is_first=False)


async def test_without_objects_each_page_of_a_list_is_told_when_it_is_there() -> None:
    source = PagedSource()
    async with running(Follower(source, keeps_objects=False)) as follower:
        assert await follower.next_batch() == [("a", False, True), ("gone", False, True)]
        assert not follower.informer.has_synced
        source.may_go_on.set()
        for name in ("gone too", "a", "c"):
            assert await follower.next_batch() == [(name, False, True)]
        assert sorted(await follower.next_batch()) == [("gone", False, False), ("gone too", False, False)]
        assert await follower.next_batch() == [("b", False, True)]
    assert source.asked == ["v2"]


async def test_a_large_list_gives_other_tasks_their_turn_and_is_one_batch() -> None:
    store = Store()
    names = [f"pod-{each}" for each in range(7)]
    for name in names:
        store.create(PODS, obj(name))
    told: list[str] = []
    turns: list[int] = []
    informer = Informer(StoreListerWatcher(store), PODS, turn=3)
    informer.add_handler("counted", lambda delta: told.append(delta.key.name), lambda: turns.append(len(told)))

    async def others() -> None:
        while not informer.has_synced:
            turns.append(len(told))
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(each) for each in (informer.run(), others())]
    await informer.wait_for_sync()
    assert (sorted(told), turns) == (names, [3, 6, 7, 7])
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
