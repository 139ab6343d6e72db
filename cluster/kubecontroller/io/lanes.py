"""Lanes: reconciles whose writes may have to wait for webhooks.

A controller's reconciles stay one after the other; those of several controllers go on at once, so that a webhook which
does not answer about pods keeps no endpoint from being published.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from kubecontroller.io.workqueue import Item


class Lanes:
    """Processes items in tasks of ``tasks``, which end with their last item."""

    def __init__(self, tasks: asyncio.TaskGroup, process: Callable[[Item], Awaitable[None]]) -> None:
        self._tasks = tasks
        self._process = process
        self._waiting: dict[str, OrderedDict[Item, None]] = {}

    def is_busy(self, controller: str) -> bool:
        """Tell whether items of a controller wait or are being processed."""
        return controller in self._waiting

    def add(self, item: Item) -> None:
        """Process an item in its turn; one that waits already is processed once."""
        lane = self._waiting.get(item.controller)
        if lane is not None:
            lane[item] = None
            return
        self._waiting[item.controller] = OrderedDict({item: None})
        self._tasks.create_task(self._run(item.controller), name=f"reconciles of {item.controller}")

    async def _run(self, controller: str) -> None:
        lane = self._waiting[controller]
        try:
            while lane:
                await self._process(lane.popitem(last=False)[0])
                await asyncio.sleep(0)
        finally:
            del self._waiting[controller]
