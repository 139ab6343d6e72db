"""Detects changed manifest files for `kubesvc up --watch`: compares time stamps and sizes twice a second.

Polling needs no privilege and no dependency, and works on every file system; a folder of manifests is small.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from kubemanifest.loading import EXTENSIONS

POLL_SECONDS = 0.5

Seen = dict[str, tuple[int, int, int]]
"""Inode, time stamp in nanoseconds and size, by file."""


def look(paths: Sequence[str]) -> Seen:
    """Return the state of every manifest file at or directly below the paths; unreadable files are left out."""
    seen: Seen = {}
    for path in paths:
        for file in _files(path):
            with suppress(OSError):
                state = Path(file).stat()
                seen[file] = (state.st_ino, state.st_mtime_ns, state.st_size)
    return seen


def _files(path: str) -> Iterator[str]:
    """Yield the path itself, or a folder's manifest files, without hidden files such as an editor's."""
    try:
        files = list(Path(path).iterdir())
    except OSError:
        yield path
        return
    yield from (str(file) for file in files if file.suffix in EXTENSIONS and file.name[0] != ".")


async def changes(paths: Sequence[str], applied: Seen) -> AsyncIterator[None]:
    """Yield each time the files have changed and then stayed the same for one poll, as editors write in steps.

    ``applied`` is the first state to compare with.
    """
    previous = applied
    while True:
        await asyncio.sleep(POLL_SECONDS)
        current = look(paths)
        if current == previous and current != applied:
            applied = current
            yield
        previous = current
