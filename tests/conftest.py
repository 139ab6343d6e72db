"""What every test stands on."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest
from tests.helpers.default_addresses import taken


@pytest.fixture(scope="session", autouse=True)
def closed_main_loop() -> Iterator[None]:
    """Own the loop that pytest-asyncio asks of the main thread and never closes, which would be a ResourceWarning."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def pytest_configure() -> None:
    """Hear of Ctrl-C, as those do whom the tests start: a shell has what it runs in the background ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say in one sentence why the run cannot be, instead of a hundred failures."""
    needs_them = any("default_addresses" in getattr(item, "fixturenames", ()) for item in session.items)
    if needs_them and not session.config.option.collectonly and (holder := taken()):
        pytest.exit(f"{holder}: the tests need the default addresses; stop that cluster (`kubesvc down`) first", 1)


@pytest.fixture(scope="session")
def default_addresses() -> None:
    """Mark what runs on the addresses that a cluster has by default: nobody else may have them meanwhile."""
