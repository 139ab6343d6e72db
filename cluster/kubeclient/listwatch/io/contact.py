"""Ends the pauses of all that wait for one server as soon as one of them has reached it."""

from __future__ import annotations

import asyncio
import contextlib


class Contact:
    """The pauses that are being waited for."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def found(self) -> None:
        """Wake all."""
        for each in self._waiting:
            each.set()

    async def wait(self, seconds: float) -> None:
        """Return after so many seconds, or when ``found`` is called."""
        wake = asyncio.Event()
        self._waiting.add(wake)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await wake.wait()
        finally:
            self._waiting.discard(wake)
