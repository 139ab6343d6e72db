"""The connections that one front has now, and a wait until there are none."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


class LiveConnections(set[T]):
    """A set of connections; call ``over`` for each that ends, so that the wait for the last one ends too."""

    def __init__(self) -> None:
        super().__init__()
        self._idle: asyncio.Event | None = None

    def over(self, connection: T) -> None:
        """Record that a connection is over."""
        self.discard(connection)
        if self._idle is not None and not self:
            self._idle.set()

    async def wait_until_idle(self) -> None:
        """Return once there are no connections; only one task may wait at a time."""
        if not self:
            return
        self._idle = asyncio.Event()
        try:
            await self._idle.wait()
        finally:
            self._idle = None
