"""The end of what runs on an event loop."""

from __future__ import annotations

import asyncio


async def settled() -> None:
    """Let the loop do what is due: a connection is accepted, made, handed over and closed in a turn each.

    What a loop has not done when it ends is told of as a warning in some later test, as a socket that was not closed.
    """
    for _ in range(5):
        await asyncio.sleep(0)
