"""Contact with a server: what waits for it need not wait longer when somebody else has found it."""

from __future__ import annotations

import asyncio
import contextlib


class Contact:
    """Wakes those that wait for a server, when one of them has reached it."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def found(self) -> None:
        """Wake all."""
        for each in self._waiting:
            each.set()

    async def wait(self, seconds: float) -> None:
        """Return after so many seconds, or when another one has found the server."""
        wake = asyncio.Event()
        self._waiting.add(wake)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await wake.wait()
        finally:
            self._waiting.discard(wake)
