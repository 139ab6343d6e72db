"""Old versions of objects are forgotten by and by, also while nothing is written."""

from __future__ import annotations

import asyncio

from kubeapi.store import Store

COMPACT_SECONDS = 30.0
"""Pause between two removals of old versions of objects, which also happen on writes."""


async def compact(store: Store) -> None:
    """Forget old versions until cancelled."""
    while True:
        await asyncio.sleep(COMPACT_SECONDS)
        with store.failures.guard("kubesvc", "forgetting old versions"):
            store.compact()
