"""Writes events to an API server, in the background: losing one never disturbs anybody.

Follows client-go ``tools/events``: a server that is away is asked again a few times, one that refuses is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn

from kubeapi.meta import JSON
from kubeapi.status import StatusError
from kubeclient.eventseries import EventSeries, Occurrence, Write
from kubeclient.io.client import APIClient
from kubeclient.kubeconfig.access import ConfigError

QUEUE_LIMIT = 1000
"""Events that wait (watch.NewLongQueueBroadcaster); further ones are dropped."""
ATTEMPTS, RETRY_SECONDS = 12, 10.0
"""maxTriesPerEvent and sleepDuration."""
DUE_SECONDS = 60.0
"""How often the counts of series are looked at."""


class EventPoster:
    """Posts the events of one component as events.k8s.io/v1. ``run`` is the owner's task; cancelling it ends it.

    ``instance`` is the node or program that speaks. ``clock`` is in seconds since the epoch. ``lost`` counts the events
    that were dropped, and ``problem`` says why the last one was ("": none was).
    """

    def __init__(self, client: APIClient, controller: str, instance: str, *, clock: Callable[[], float]) -> None:
        self.lost = 0
        self.problem = ""
        self._client = client
        self._clock = clock
        self._series = EventSeries(controller, instance)
        self._queue: asyncio.Queue[Write] = asyncio.Queue(QUEUE_LIMIT)

    def event(self, about: JSON, event_type: str, reason: str, message: str, action: str = "") -> None:
        """Note that ``reason`` (CamelCase) happened to ``about``; ``event_type`` is Normal or Warning. Never fails."""
        write = self._series.note(Occurrence(about, event_type, reason, message, action or reason), self._clock())
        if write is not None:
            self._put(write)

    async def run(self) -> NoReturn:
        """Send what is noted, one after another, and the counts of series when they are due."""
        due_at = self._clock() + DUE_SECONDS
        while True:
            try:
                async with asyncio.timeout(max(due_at - self._clock(), 0.0)):
                    write = await self._queue.get()
            except TimeoutError:
                due_at = self._clock() + DUE_SECONDS
                for each in self._series.due(self._clock()):
                    self._put(each)
            else:
                await self._send(write)

    def _put(self, write: Write) -> None:
        try:
            self._queue.put_nowait(write)
        except asyncio.QueueFull:
            self._lose("too many events wait for the server")

    async def _send(self, write: Write) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._client.request(write.method, write.path, body=write.body)
            except StatusError as error:
                return self._lose(str(error))
            except (ConnectionError, TimeoutError, ConfigError) as error:
                if attempt == ATTEMPTS:
                    return self._lose(str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return None
        return None

    def _lose(self, problem: str) -> None:
        self.lost += 1
        self.problem = problem
