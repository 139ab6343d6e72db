"""Notices that manifest files changed, for `kubesvc up --watch`: looks at time stamps and sizes, twice a second.

Polling needs no privilege, no dependency and works on every file system; a folder of manifests is small.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

POLL_SECONDS = 0.5

_Seen = dict[Path, tuple[int, int]]


def look(paths: Sequence[str]) -> _Seen:
    """Return time stamp and size of every file at or directly below the paths; what is missing is left out."""
    seen: _Seen = {}
    for path in map(Path, paths):
        for file in [path, *(path.iterdir() if path.is_dir() else ())]:
            try:
                state = file.stat()
            except OSError:
                continue
            seen[file] = (state.st_mtime_ns, state.st_size)
    return seen


async def changes(paths: Sequence[str]) -> AsyncIterator[None]:
    """Yield each time the files have changed and then stayed the same for one poll: editors write in steps."""
    applied = previous = look(paths)
    while True:
        await asyncio.sleep(POLL_SECONDS)
        current = look(paths)
        if current == previous and current != applied:
            applied = current
            yield
        previous = current
