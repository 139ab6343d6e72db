"""A process that keeps a Store on disk and says each write that it may answer; made to be killed at any moment."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from kubeapi.scheme import CONFIGMAPS
from kubeapi.store import Store
from kubesvc.state.journal import Journal
from kubesvc.state.resume import resumed_store
from kubesvc.state.saved import read_saved


async def write_for_ever(path: Path) -> None:
    """Go on with what is there, and print the name of every ConfigMap once it is on disk."""
    found = read_saved(path, "")
    store = Store() if found is None else resumed_store(found, [], 0.0)
    journal = Journal(path)
    journal.begin(store, "")
    await asyncio.gather(*(_write(store, journal, writer) for writer in range(8)))


async def _write(store: Store, journal: Journal, writer: int) -> None:
    for number in range(1_000_000):
        name = f"{store.resource_version}-{writer}-{number}"
        store.create(CONFIGMAPS, {"metadata": {"name": name, "namespace": "default"}, "data": {"k": "v" * 500}})
        await journal.flushed()
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write_for_ever(Path(sys.argv[1])))
