"""The keys that are to be reconciled (client-go ``util/workqueue``)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from kubecontroller.controller import Key

FIRST_RETRY_SECONDS = 0.005
"""Pause after the first failure of a key; it doubles each time (ItemExponentialFailureRateLimiter's base)."""
LAST_RETRY_SECONDS = 5.0
"""The longest pause. client-go goes up to 1,000 s, to spare a distant server; this one is in the same process."""


class Item(NamedTuple):
    """A key that a controller is to reconcile."""

    controller: str
    key: Key


class WorkQueue:
    """Items in the order in which they came, each at most once; some become due only after a while."""

    def __init__(self) -> None:
        self._ready: OrderedDict[Item, None] = OrderedDict()
        self._delayed: dict[Item, asyncio.TimerHandle] = {}
        self._failures: dict[Item, int] = {}
        self._wake = asyncio.Event()

    def add(self, item: Item) -> None:
        """Make the item due now."""
        self._ready[item] = None
        self._wake.set()

    def add_after(self, item: Item, seconds: float) -> None:
        """Make the item due after a while; of two such times the earlier one counts."""
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        waiting = self._delayed.get(item)
        if waiting is not None:
            if waiting.when() <= when:
                return
            waiting.cancel()
        self._delayed[item] = loop.call_at(when, self._add_delayed, item)

    def _add_delayed(self, item: Item) -> None:
        del self._delayed[item]
        self.add(item)

    def retry(self, item: Item) -> None:
        """Make an item that failed due again, after a pause that doubles with every failure in a row."""
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        # The power is bounded: a float overflows at 2**1024, and the pause reaches its limit long before 2**30.
        self.add_after(item, min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 30), LAST_RETRY_SECONDS))

    def forget(self, item: Item) -> None:
        """Record that the item succeeded."""
        self._failures.pop(item, None)

    async def get(self) -> Item:
        """Return the next item that is due; wait for one if there is none."""
        while not self._ready:
            self._wake.clear()
            await self._wake.wait()
        item, _ = self._ready.popitem(last=False)
        return item

    def close(self) -> None:
        """Cancel the timers of the items that are not due yet."""
        for handle in self._delayed.values():
            handle.cancel()
        self._delayed.clear()
