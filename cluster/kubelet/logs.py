"""Container logs in files: written in batches, rotated, and read back, also while they grow.

Where the kubelet keeps them: ``<log dir>/<namespace>_<pod>_<uid>/<container>/<restart>.log``, older parts with
``.1`` (the newest) to ``.4``. A disk that is full costs lines, which are counted, never the container.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from kubeapi.meta import parse_time
from kubelet.logframes import Framer, LogLine, parse_line

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_FILES = 5
"""The kubelet's ``containerLogMaxSize`` and ``containerLogMaxFiles``."""
FLUSH_SECONDS = 0.05
FLUSH_BYTES = 256 * 1024
READ_SIZE = 64 * 1024


def pod_log_dir(log_dir: Path, namespace: str, name: str, uid: str) -> Path:
    """Return the folder of all logs of a pod."""
    return log_dir / f"{namespace}_{name}_{uid}"


class LogWriter:
    """The log of one container instance. ``write`` never blocks for long and never raises.

    ``report`` is called once for each time that writing begins to fail.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float],
        report: Callable[[str], None],
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        self.path = path
        self.lost_lines = 0
        self.is_closed = False
        self.grown = asyncio.Event()
        self._clock = clock
        self._report = report
        self._max_file_bytes = max_file_bytes
        self._framers = {stream: Framer(stream) for stream in ("stdout", "stderr")}
        self._pending = bytearray()
        self._file: int | None = None
        self._size = 0
        self._is_failing = False
        self._is_torn = False
        self._timer: asyncio.TimerHandle | None = None

    def write(self, stream: str, chunk: bytes) -> None:
        """Take output of ``stdout`` or ``stderr``."""
        self._pending += self._framers[stream].feed(chunk, self._now_ns())
        if len(self._pending) >= FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what is pending to the file, or count it as lost."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        batch, self._pending = bytes(self._pending), bytearray()
        try:
            self._append(batch)
        except OSError as error:
            self._lose(batch, error)
        self._wake_readers()

    def close(self) -> None:
        """Write the rest and close the file; readers that follow come to their end."""
        if self.is_closed:
            return
        for framer in self._framers.values():
            self._pending += framer.finish(self._now_ns())
        self.flush()
        self.is_closed = True
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._wake_readers()

    def _append(self, batch: bytes) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._file).st_size
        if self._is_failing:
            batch = self._recovery() + batch
        written = 0
        while written < len(batch):
            count = os.write(self._file, batch[written:])
            written += count
            self._size += count
            self._is_torn = written < len(batch)
        self._is_failing, self.lost_lines = False, 0
        if self._size >= self._max_file_bytes:
            self._rotate()

    def _recovery(self) -> bytes:
        """Return the line that tells of the lines that are missing, after the end of a torn one."""
        framer = Framer("stderr")
        text = f"kubesvc: {self.lost_lines} lines of the log were lost\n".encode()
        return (b"\n" if self._is_torn else b"") + framer.feed(text, self._now_ns())

    def _lose(self, batch: bytes, error: OSError) -> None:
        self.lost_lines += batch.count(b"\n")
        if not self._is_failing:
            self._is_failing = True
            self._report(f"Failed to write {self.path}: {error.strerror}; lines are lost until it can be written")

    def _rotate(self) -> None:
        assert self._file is not None
        os.close(self._file)
        self._file = None
        for number in range(MAX_FILES - 1, 0, -1):
            source = _part(self.path, number - 1)
            with contextlib.suppress(OSError):
                source.replace(_part(self.path, number))

    def _wake_readers(self) -> None:
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()

    def _now_ns(self) -> int:
        return round(self._clock() * 1_000_000) * 1000


def _part(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


async def read_log(
    path: Path,
    writer: LogWriter | None,
    *,
    follow: bool = False,
    tail_lines: int | None = None,
    since: float | None = None,
    timestamps: bool = False,
) -> AsyncIterator[bytes]:
    """Yield a log from its oldest part on; with ``follow`` and a ``writer``, until the writer is closed.

    ``since`` is in seconds since the epoch. Yields to the event loop between blocks.
    """
    at_line_start = {"stdout": True, "stderr": True}
    reader = _Reader(path, writer)
    with contextlib.closing(reader):
        if tail_lines is not None:
            await reader.skip_to_tail(tail_lines)
        async for lines in reader.blocks(follow=follow):
            rendered = bytearray()
            for line in lines:
                if since is not None and parse_time(line.timestamp[:26] + "Z") < since:
                    continue
                rendered += line.render(timestamps=timestamps, at_line_start=at_line_start[line.stream])
                at_line_start[line.stream] = not line.is_partial
            if rendered:
                yield bytes(rendered)


class _Reader:
    """Goes through the parts of a log, then waits for the last to grow."""

    def __init__(self, path: Path, writer: LogWriter | None) -> None:
        self._path = path
        self._writer = writer
        self._parts = [part for number in range(MAX_FILES - 1, -1, -1) if (part := _part(path, number)).exists()]
        self._file: int | None = None
        self._rest = b""
        self._start: tuple[Path, int] | None = None

    async def skip_to_tail(self, count: int) -> None:
        """Begin ``count`` lines before the end; partial pieces belong to the line that they are part of."""
        if self._writer is not None:
            self._writer.flush()
        needed = count
        for part in reversed(self._parts):
            offsets = await self._full_line_starts(part)
            if len(offsets) >= needed:
                start = offsets[len(offsets) - needed] if needed else part.stat().st_size
                self._parts = self._parts[self._parts.index(part) :]
                self._start = (part, start)
                return
            needed -= len(offsets)

    async def _full_line_starts(self, part: Path) -> list[int]:
        """Return where each line of the container begins in the file."""
        starts: list[int] = []
        position, begins_line = 0, True
        with part.open("rb") as file:
            for number, raw in enumerate(file):
                if number % 1000 == 999:
                    await asyncio.sleep(0)
                line = parse_line(raw.rstrip(b"\n"))
                if line is not None:
                    if begins_line:
                        starts.append(position)
                    begins_line = not line.is_partial
                position += len(raw)
        return starts

    async def blocks(self, *, follow: bool) -> AsyncIterator[list[LogLine]]:
        """Yield parsed lines, one block of the file at a time."""
        while True:
            grown = self._writer.grown if self._writer is not None else None
            is_closed = self._writer is None or self._writer.is_closed
            if self._writer is not None:
                self._writer.flush()
            while lines := self._next_block():
                yield lines
                await asyncio.sleep(0)
            if not follow or is_closed or grown is None:
                return
            await grown.wait()

    def _next_block(self) -> list[LogLine] | None:
        while True:
            if self._file is None and not self._open_next():
                return None
            assert self._file is not None
            chunk = os.read(self._file, READ_SIZE)
            if chunk:
                complete, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
                if newline:
                    return [line for raw in complete.split(b"\n") if (line := parse_line(raw)) is not None]
            elif not self._moves_on():
                return None

    def _open_next(self) -> bool:
        path = self._parts.pop(0) if self._parts else self._path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        if self._start is not None and self._start[0] == path:
            os.lseek(self._file, self._start[1], os.SEEK_SET)
        return True

    def _moves_on(self) -> bool:
        """Leave a part that has ended: there is another, or the file was rotated away under us."""
        assert self._file is not None
        if not self._parts:
            mine = os.fstat(self._file)
            try:
                current = self._path.stat()
            except OSError:
                return False
            if (mine.st_dev, mine.st_ino) == (current.st_dev, current.st_ino):
                return False
        self.close()
        return True

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
