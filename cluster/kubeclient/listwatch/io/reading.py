"""Single requests for one resource: a list in pages, a watch, and a watch that begins with all objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.status import StatusError
from kubeapi.watching import EventType, ListPage, ObjectList, WatchEvent
from kubeclient.http.io.failures import explain
from kubeclient.io.client import APIClient
from kubeclient.listwatch.io.contact import Contact
from kubeclient.listwatch.listoptions import initial_params
from kubeclient.listwatch.paging import Pager, next_token
from kubeclient.listwatch.selection import Selection
from kubeclient.listwatch.watchlines import Bookmark, LineReader, read_events, whole
from kubeclient.paths import path_of

SILENCE_SECONDS = 100.0
"""How long a watch may say nothing: servers send a bookmark about every minute."""
HEAD_SECONDS = 15.0
"""How long a watch may take to begin: a server says so at once, a proxy that buffers lets it be heard at the end."""

Batch = Sequence[WatchEvent | Bookmark]


class Source(NamedTuple):
    """What is followed, how much of it is kept, and by which clock (in seconds). ``slim`` may change its object."""

    client: APIClient
    resource: Resource
    selection: Selection
    slim: Callable[[JSON], JSON]
    clock: Callable[[], float]
    rng: Random
    contact: Contact

    @property
    def path(self) -> str:
        """The path of the list."""
        return path_of(self.resource, self.selection.namespace)

    def kept(self, obj: JSON) -> JSON:
        """Return what is kept of an object: all of one that cannot be slimmed, so that it harms no other one."""
        try:
            return self.slim(obj)
        except Exception:
            return obj


class NoInitialEvents(ValueError):
    """The server takes a watch that begins with all objects for an ordinary one."""


class Begun(NamedTuple):
    """All objects, and the watch that goes on from there: what its last batch had left, and the next ones."""

    listed: ObjectList
    left: Batch
    batches: AsyncGenerator[Batch, None]


class ReadPage(NamedTuple):
    """A page, and a remark on items of it that are no objects ("": there are none)."""

    page: ListPage
    remark: str


async def read_pages(source: Source) -> AsyncGenerator[ReadPage, None]:
    """Yield all selected objects, page by page."""
    pager, is_first = Pager(), True
    async with aclosing(_pages(source, pager)) as pages:
        async for page in pages:
            if page is None:
                is_first = True
                continue
            items, remark = list[JSON](), ""
            for each in pager.items_of(page):
                try:
                    items.append(source.kept(whole(each, source.resource)))
                except ValueError as error:
                    remark = str(error)
            yield ReadPage(ListPage(items, pager.resource_version, is_first), remark)
            is_first = False


async def _pages(source: Source, pager: Pager) -> AsyncGenerator[JSON | None, None]:
    """Yield the pages of a list, for ``pager`` to go on after each; None where all that came before does not count.

    The next page is asked for before one is read, so that the server makes it meanwhile.
    """
    asked, token = _ask(source, pager.params()), ""
    try:
        while not pager.is_over:
            if token != pager.token:  # the page did not begin with it
                asked.cancel()
                asked, token = _ask(source, pager.params()), pager.token
            try:
                body = await asked
            except StatusError as error:
                # The version of the first page is gone: all of it again, in one piece.
                pager.restart(error)
                asked, token = _ask(source, pager.params()), ""
                yield None
                continue
            pager.note_size(len(body))
            token = next_token(body)
            if token:
                asked = _ask(source, pager.params_of(token))
                await asyncio.sleep(0)  # it is sent before this page is read
            page, body = source.client.read(body), bytearray()
            yield page
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)


def _ask(source: Source, params: Mapping[str, str]) -> asyncio.Task[bytearray]:
    text = source.client.text(source.path, {**source.selection.params(), **params})
    return asyncio.get_running_loop().create_task(text, name=f"list of {source.resource.plural}")


async def read_version(source: Source) -> str:
    """Return the newest version of the resource that the server has."""
    pager = Pager()
    pager.items_of(await source.client.get(source.path, {**source.selection.params(), "limit": "1"}, attempts=1))
    return pager.resource_version


async def read_batches(source: Source, params: Mapping[str, str], head_seconds: float) -> AsyncGenerator[Batch, None]:
    """Yield the events of one watch, as many as have come at a time; an empty batch when it has begun.

    TimeoutError if it does not begin in time, or says nothing for long.
    """
    reader = LineReader()
    chunks = source.client.stream(source.path, {**source.selection.params(), **params}, SILENCE_SECONDS)
    async with aclosing(chunks):
        await source.client.authenticate()
        try:
            async with asyncio.timeout(head_seconds):
                await anext(chunks)
        except TimeoutError as error:
            raise explain(error, source.client.access, 0.0) from None
        yield ()
        async for chunk in chunks:
            if lines := reader.feed(chunk):
                batch, fault = _read_lines(lines, source)
                if batch:
                    yield batch
                if fault is not None:
                    raise fault
    if reader.is_in_line:
        raise ConnectionError(f"{source.client.server} has ended a watch in the middle of an event")


def _read_lines(lines: Sequence[bytes], source: Source) -> tuple[Batch, StatusError | ValueError | None]:
    """Return the events of some lines, up to the first that is an error, and that error."""
    batch: list[WatchEvent | Bookmark] = []
    try:
        batch.extend(_slimmed(each, source) for each in read_events(lines, source.resource))
    except (StatusError, ValueError) as error:
        return batch, error
    return batch, None


async def begin(source: Source) -> Begun:
    """Return all selected objects from a watch that begins with them, and the rest of the watch.

    StatusError or NoInitialEvents if the server does not know such watches, ConnectionError or TimeoutError if it is
    cut before.
    """
    objects: dict[tuple[str, str], JSON] = {}
    batches = read_batches(source, initial_params(source.rng), HEAD_SECONDS)
    try:
        async for batch in batches:
            for index, event in enumerate(batch):
                if isinstance(event, WatchEvent):
                    _apply(objects, event)
                elif event.ends_initial:
                    listed = ObjectList(list(objects.values()), event.resource_version)
                    return Begun(listed, batch[index + 1 :], batches)
                else:
                    raise NoInitialEvents(f"{source.client.server} does not say where its initial events end")
    except BaseException:
        await batches.aclose()
        raise
    raise ConnectionError(f"{source.client.server} has ended a list in the middle")


def _apply(objects: dict[tuple[str, str], JSON], event: WatchEvent) -> None:
    """Apply one of the initial events: an object may change, or go, before they end."""
    metadata = event.object["metadata"]
    key = (metadata.get("namespace", ""), metadata["name"])
    if event.type is EventType.DELETED:
        objects.pop(key, None)
    else:
        objects[key] = event.object


def _slimmed(event: WatchEvent | Bookmark, source: Source) -> WatchEvent | Bookmark:
    return event._replace(object=source.kept(event.object)) if isinstance(event, WatchEvent) else event
