"""Writing container logs to files, in batches and with rotation.

Where the kubelet keeps them: ``<log dir>/<namespace>_<pod>_<uid>/<container>/<restart>.log``, older parts with
``.1`` (the newest) to ``.4``. A full disk costs lines, which are counted; the container goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from kubelet.process.logs.frames import Framer

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_FILES = 5
"""The kubelet's ``containerLogMaxSize`` and ``containerLogMaxFiles``."""
FLUSH_SECONDS = 0.05
FLUSH_BYTES = 256 * 1024


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
        """Add output of ``stdout`` or ``stderr``; it reaches the file within FLUSH_SECONDS."""
        self._pending += self._framers[stream].feed(chunk, self._now_ns())
        if len(self._pending) >= FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write the pending lines to the file, or count them as lost."""
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
        """Write the rest and close the file; readers that follow the log end."""
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
        """Return the line that reports the lost lines; before it, the newline of a line that was cut."""
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
            source = log_part(self.path, number - 1)
            with contextlib.suppress(OSError):
                source.replace(log_part(self.path, number))

    def _wake_readers(self) -> None:
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()

    def _now_ns(self) -> int:
        return round(self._clock() * 1_000_000) * 1000


def log_part(path: Path, number: int) -> Path:
    """Return the file of a log's part: part 0 is being written, 1 is the one before it."""
    return path.with_name(f"{path.name}.{number}") if number else path
