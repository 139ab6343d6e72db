"""Follows one resource of an API server, whatever happens to it: client-go's Reflector (``tools/cache/reflector.go``).

A list goes on until it succeeds. A watch that ends goes on from its last version; only where the server no longer has
that version does the informer have to list again. Pauses grow with failures, and are for both.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from kubeapi.meta import JSON
from kubeapi.status import StatusError
from kubeapi.watching import ListPage, ObjectList, WatchEvent
from kubeclient.io.client import RETRY_AFTER_LIMIT
from kubeclient.kubeconfig.access import ConfigError
from kubeclient.listwatch.backoff import Backoff
from kubeclient.listwatch.freshness import Freshness
from kubeclient.listwatch.io.reading import (
    HEAD_SECONDS,
    Batch,
    Begun,
    NoInitialEvents,
    Source,
    begin,
    read_batches,
    read_pages,
    read_version,
)
from kubeclient.listwatch.listoptions import SHORT_WATCH_SECONDS, is_behind, watch_params
from kubeclient.refusals import GONE, Refusal, knows_no_initial_events, must_list_again

VERY_SHORT_SECONDS = 1.0
"""A watch that ends sooner, and has said nothing, is a failure (reflector's VeryShortWatchError)."""
DETOUR_SECONDS = 600.0
"""How long short watches, or lists in pages, are used where the better way has failed; then that is tried again."""
_BUFFERED = f"answers come late: a proxy on the way holds them back, so it is asked every {SHORT_WATCH_SECONDS:.0f} s"

_FAILURES = (StatusError, ConnectionError, TimeoutError, ConfigError, ValueError)


class OtherHistory(Refusal):
    """410: the server, which answers, no longer knows what it has said."""


@dataclass(slots=True)
class _Attempt:
    """One watch: since when, whether the server has begun to answer, and whether it has sent an event or bookmark."""

    began: float
    has_begun: bool = False
    has_said: bool = False


class Follower:
    """Follows one resource. ``freshness`` says how old the knowledge is."""

    def __init__(self, source: Source, *, streams: bool) -> None:
        self.freshness = Freshness()
        self._source = source
        self._backoff = Backoff(source.rng)
        self._begun: Begun | None = None
        """The watch that the last list has begun, behind its initial events."""
        self._streams_from = -math.inf if streams else math.inf
        """When lists are streamed again, rather than read in pages."""
        self._is_long_from = -math.inf
        """When watches are long again."""

    async def list(self) -> ObjectList:
        """Return all objects that are selected, however long the server is away."""
        items: list[JSON] = []
        version = ""
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                if page.is_first:
                    items.clear()
                items += page.items
                version = page.resource_version
        return ObjectList(items, version)

    async def pages(self) -> AsyncGenerator[ListPage, None]:
        """Yield all objects that are selected, page by page, however long the server is away."""
        while True:
            try:
                async with aclosing(self._pages()) as pages:
                    async for page in pages:
                        yield page
            except _FAILURES as error:
                await self._pause(error)
            else:
                self._touch()
                return

    async def _pages(self) -> AsyncGenerator[ListPage, None]:
        await self._drop_begun()
        if (streamed := await self._stream()) is not None:
            yield ListPage(streamed.items, streamed.resource_version, is_first=True)
            return
        async with aclosing(read_pages(self._source)) as pages:
            async for page, remark in pages:
                if remark:
                    self.freshness = self.freshness._replace(remark=remark)
                yield page

    async def _stream(self) -> ObjectList | None:
        """Return a list from the watch that begins with it; None if it has to be read in pages."""
        if self._source.clock() >= self._streams_from:
            try:
                self._begun = await begin(self._source)
            except StatusError as error:
                if not knows_no_initial_events(error):
                    raise
                self._streams_from = math.inf
            except NoInitialEvents:
                self._streams_from = math.inf
            except TimeoutError:
                self._streams_from = self._source.clock() + DETOUR_SECONDS
                self._suspect_proxy()
            except (ConnectionError, ValueError):
                # In pages it may succeed (reflector.watchList falls back as well), or says better what is wrong.
                pass
            else:
                return self._begun.listed
        return None

    async def watch(self, resource_version: str) -> AsyncIterator[Sequence[WatchEvent]]:
        """Yield what happens after a version, for ever; StatusError 410 when the server can no longer say that."""
        version, is_broken = resource_version, False
        while True:
            attempt = _Attempt(self._source.clock())
            try:
                if is_broken:
                    await self._check_history(version)
                async with aclosing(self._batches(version)) as batches:
                    async for batch in batches:
                        self._note(attempt, batch)
                        if batch:
                            version = batch[-1].resource_version
                            if events := [each for each in batch if isinstance(each, WatchEvent)]:
                                yield events
                self._check_length(attempt)
                is_broken = False
            except _FAILURES as error:
                is_broken = True
                await self._recover(error, attempt)

    async def _batches(self, version: str) -> AsyncGenerator[Batch, None]:
        """Yield the events after a version: of the watch that the list has begun, or of a new one."""
        if self._begun is not None and self._begun.listed.resource_version == version:
            # No name here may hold the list, which is the informer's, for as long as the watch lasts.
            left, batches, self._begun = self._begun.left, self._begun.batches, None
            async with aclosing(batches):
                yield left
                async for batch in batches:
                    yield batch
            return
        await self._drop_begun()
        is_short = not self._is_long
        params = watch_params(version, self._source.rng, is_short=is_short)
        head_seconds = HEAD_SECONDS + (SHORT_WATCH_SECONDS if is_short else 0.0)
        async with aclosing(read_batches(self._source, params, head_seconds)) as batches:
            async for batch in batches:
                yield batch

    @property
    def _is_long(self) -> bool:
        return self._source.clock() >= self._is_long_from

    def _note(self, attempt: _Attempt, batch: Batch) -> None:
        attempt.has_begun, attempt.has_said = True, attempt.has_said or bool(batch)
        self._touch()
        if batch and self._is_long and self.freshness.remark == _BUFFERED:
            self.freshness = self.freshness._replace(remark="")

    def _has_worked(self, attempt: _Attempt) -> bool:
        lasted = self._source.clock() - attempt.began
        return attempt.has_said or (attempt.has_begun and lasted >= VERY_SHORT_SECONDS)

    def _check_length(self, attempt: _Attempt) -> None:
        if not self._has_worked(attempt):
            raise ConnectionError(f"{self._source.client.server} ends each watch of {self._source.resource} at once")

    async def _check_history(self, version: str) -> None:
        """Raise 410 if the server, which was away, is behind what it, or its predecessor, has said."""
        current = await read_version(self._source)
        if is_behind(current, version):
            message = f"the server has another history: it is at {current}, and was at {version}"
            raise OtherHistory(GONE, "Expired", message)

    async def _recover(self, error: Exception, attempt: _Attempt) -> None:
        """Prepare the next watch; raise 410 if there can be none. One that had worked goes on without a pause."""
        if isinstance(error, TimeoutError) and not attempt.has_said and self._is_long:
            self._suspect_proxy()
        if isinstance(error, TimeoutError | ConnectionError) and self._has_worked(attempt):
            return
        if isinstance(error, OtherHistory):
            raise error
        await self._pause(error)
        if isinstance(error, ValueError) or (isinstance(error, StatusError) and must_list_again(error)):
            raise Refusal(GONE, "Expired", str(error)) from None

    def _suspect_proxy(self) -> None:
        """Watch for short times for a while."""
        self._is_long_from = self._source.clock() + DETOUR_SECONDS
        self.freshness = self.freshness._replace(remark=_BUFFERED)

    def _touch(self) -> None:
        if self.freshness.problem:
            self._source.contact.found()
        self.freshness = Freshness(self._source.clock(), "", self.freshness.remark)

    async def _pause(self, error: Exception) -> None:
        """Keep why the server does not answer, and wait."""
        self.freshness = self.freshness._replace(problem=str(error) or type(error).__name__)
        retry_after = min(error.retry_after, RETRY_AFTER_LIMIT) if isinstance(error, Refusal) else 0.0
        seconds = self._backoff.next(self._source.clock(), retry_after)
        await (self._source.contact.wait(seconds) if isinstance(error, ConnectionError) else asyncio.sleep(seconds))

    async def _drop_begun(self) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            await begun.batches.aclose()
