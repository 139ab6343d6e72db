"""Reading container logs, from the oldest part or from the tail, even while they grow and are rotated."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

from kubeapi.meta import parse_time
from kubeapi.podoptions import PodLogOptions
from kubelet.process.logs.frames import LogLine, parse_line
from kubelet.process.logs.writer import MAX_FILES, LogWriter, log_part

READ_SIZE = 64 * 1024


async def read_log(
    path: Path, writer: LogWriter | None, options: PodLogOptions, now: float
) -> AsyncGenerator[bytes, None]:
    """Yield a log from its oldest part on; one that is followed and has a ``writer``, until the writer is closed.

    ``now`` is in seconds since the epoch. Yields to the event loop between blocks.
    """
    since = None if options.since_seconds is None else now - options.since_seconds
    at_line_start = {"stdout": True, "stderr": True}
    reader = _Reader(path, writer)
    with contextlib.closing(reader):
        if options.tail_lines is not None:
            await reader.skip_to_tail(options.tail_lines)
        async for lines in reader.blocks(follow=options.follow):
            rendered = bytearray()
            for line in lines:
                if since is not None and parse_time(line.timestamp[:26] + "Z") < since:
                    continue
                rendered += line.render(timestamps=options.timestamps, at_line_start=at_line_start[line.stream])
                at_line_start[line.stream] = not line.is_partial
            if rendered:
                yield bytes(rendered)


class _Reader:
    """Reads the parts of a log in order, then waits for the last to grow. All are open, as rotation renames them."""

    def __init__(self, path: Path, writer: LogWriter | None) -> None:
        if writer is not None:
            writer.flush()
        self._path = path
        self._writer = writer
        self._rest = b""
        self._parts: list[int] = []
        for number in range(MAX_FILES - 1, -1, -1):
            self._open(log_part(path, number))

    def _open(self, part: Path) -> None:
        with contextlib.suppress(OSError):
            self._parts.append(os.open(part, os.O_RDONLY | os.O_CLOEXEC))

    async def skip_to_tail(self, count: int) -> None:
        """Begin ``count`` lines before the end; the pieces of a long line count as one."""
        needed = count
        for index in range(len(self._parts) - 1, -1, -1):
            offset, found = await _tail(self._parts[index], needed)
            if found >= needed:
                os.lseek(self._parts[index], offset, os.SEEK_SET)
                for passed in self._parts[:index]:
                    os.close(passed)
                del self._parts[:index]
                return
            needed -= found

    async def blocks(self, *, follow: bool) -> AsyncIterator[list[LogLine]]:
        """Yield parsed lines, one block of the file at a time."""
        while True:
            grown = self._writer.grown if self._writer is not None else None
            is_closed = self._writer is None or self._writer.is_closed
            if self._writer is not None:
                self._writer.flush()
            while (lines := self._next_block()) is not None:
                yield lines
                await asyncio.sleep(0)
            if not follow or is_closed or grown is None:
                return
            await grown.wait()

    def _next_block(self) -> list[LogLine] | None:
        """Return the next lines, None at the end of what there is."""
        while self._parts or self._follow():
            chunk = os.read(self._parts[0], READ_SIZE)
            if chunk:
                *complete, self._rest = (self._rest + chunk).split(b"\n")
                return [line for raw in complete if (line := parse_line(raw)) is not None]
            if len(self._parts) == 1 and not self._follow():
                return None
            os.close(self._parts.pop(0))
        return None

    def _follow(self) -> bool:
        """Open the next part if the one being read was rotated; return whether there is one."""
        present = [part for number in range(MAX_FILES) if (part := log_part(self._path, number)).exists()]
        if self._parts:
            mine = os.fstat(self._parts[0])
            same = [index for index, part in enumerate(present) if _is_same(part, mine)]
            present = present[: same[0]] if same else present
        before = len(self._parts)
        if present:
            self._open(present[-1])
        return len(self._parts) > before

    def close(self) -> None:
        """Close all parts."""
        for part in self._parts:
            os.close(part)
        self._parts = []


def _is_same(part: Path, status: os.stat_result) -> bool:
    try:
        found = part.stat()
    except OSError:
        return False
    return os.path.samestat(found, status)


def read_end(path: Path, size: int = 4096) -> list[bytes]:
    """Return the lines in the last ``size`` bytes of a log's newest part, none if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - size, 0))
            return [line.content for raw in file.read().split(b"\n") if (line := parse_line(raw)) is not None]
    except OSError:
        return []


async def _tail(descriptor: int, count: int) -> tuple[int, int]:
    """Return the offset of the last ``count`` lines of a file, and how many it has (at most ``count``)."""
    size = os.fstat(descriptor).st_size
    if count == 0:
        return size, 0
    length = READ_SIZE
    while True:
        begin = max(size - length, 0)
        starts = _line_starts(os.pread(descriptor, size - begin, begin), begin)
        if len(starts) >= count:
            return starts[-count], count
        if begin == 0:
            return 0, len(starts)
        length *= 2
        await asyncio.sleep(0)


def _line_starts(block: bytes, begin: int) -> list[int]:
    """Return the offsets at which the container's lines begin; a block from the middle begins with a cut line."""
    starts: list[int] = []
    position, begins_line, is_whole = begin, begin == 0, begin == 0
    for raw in block.split(b"\n")[:-1]:
        line = parse_line(raw) if is_whole else None
        if line is not None:
            if begins_line:
                starts.append(position)
            begins_line = not line.is_partial
        is_whole = True
        position += len(raw) + 1
    return starts
