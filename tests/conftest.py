"""What every test stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def closed_main_loop() -> Iterator[None]:
    """Own the loop that pytest-asyncio asks of the main thread and never closes, which would be a ResourceWarning."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()
