"""Removes the folders of deleted volumes: they are out of the way at once, and gone as soon as the disk allows.

A folder is renamed first, which is all that a controller waits for; a thread removes what may be gigabytes. What a
cluster that was killed has left is removed at its next start.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from kubeapi.failures import Failures
from kubehost.folders import empty_place

_PREFIX = ".removed-"
_COMPONENT = "persistentvolume-controller (folders)"


class FolderRemoval:
    """Has a task for each folder that is being removed; ``close`` waits for them."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, folder: str) -> None:
        """Remove what an earlier run has left in the folder of all volumes; "" for none."""
        with contextlib.suppress(OSError):
            for each in Path(folder).glob(f"{_PREFIX}*") if folder else ():
                self._start(each)

    def remove(self, folder: Path) -> None:
        """Take a folder away; OSError if that cannot be. One that is not there is no error."""
        away = folder.with_name(f"{_PREFIX}{folder.name}")
        with contextlib.suppress(FileNotFoundError):
            folder.rename(away)
            self._start(away)

    def _start(self, folder: Path) -> None:
        task = asyncio.get_running_loop().create_task(self._remove(folder), name=f"removal of {folder}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _remove(self, folder: Path) -> None:
        try:
            await asyncio.to_thread(empty_place, folder)
        except OSError as error:
            self._failures.note(_COMPONENT, str(folder), error)

    async def close(self) -> None:
        """Return when no folder is being removed any more; the next start removes what stays."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
