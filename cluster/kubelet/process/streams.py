"""The descriptors of an interactive process: pipes or a pseudo-terminal, read and written without blocking.

``OutputQueue`` reads only as much as its reader takes, so that a process with a slow reader has to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections import deque
from typing import NamedTuple

READ_SIZE = 64 * 1024
UNREAD_LIMIT = 256 * 1024
"""Bytes of unread output after which no more is read, so that the process has to wait."""
LAST_WORDS = 2 * 1024 * 1024
"""Bytes that are read from each stream after a process has ended; a pipe holds 1 MiB at most."""
END_OF_TRANSMISSION = b"\x04"
"""The character that ends the input at a terminal (Ctrl-D)."""


class StreamEnds(NamedTuple):
    """Both ends of a process's streams.

    ``theirs`` are its stdin, stdout and stderr, to be closed once the process has them. ``outputs`` are the names of
    the streams by the descriptors to read; ``stdin`` is the descriptor to write, None without one.
    """

    theirs: tuple[int, int, int]
    outputs: dict[int, str]
    stdin: int | None


def open_ends(*, has_stdin: bool, is_tty: bool) -> StreamEnds:
    """Make pipes, or a terminal with all output on stdout; without ``has_stdin`` the input is empty. OSError."""
    if is_tty:
        master, slave = os.openpty()
        for each in (master, slave):
            os.set_inheritable(each, False)
        os.set_blocking(master, False)
        return StreamEnds((slave, os.dup(slave), os.dup(slave)), {master: "stdout"}, os.dup(master))
    outputs: dict[int, str] = {}
    writers = []
    for stream in ("stdout", "stderr"):
        reader, writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reader, False)
        outputs[reader] = stream
        writers.append(writer)
    if has_stdin:
        theirs, ours = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(ours, False)
    else:
        theirs, ours = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), None
    return StreamEnds((theirs, writers[0], writers[1]), outputs, ours)


class Input:
    """The writing end of a process's stdin."""

    def __init__(self, descriptor: int, *, is_tty: bool) -> None:
        self._descriptor: int | None = descriptor
        self._is_tty = is_tty
        self._lock = asyncio.Lock()
        self._writable: asyncio.Future[None] | None = None

    async def write(self, content: bytes) -> None:
        """Write all of it, as fast as the process reads; after the process has closed its end, it is dropped."""
        async with self._lock:
            while content and self._descriptor is not None:
                try:
                    content = content[os.write(self._descriptor, content) :]
                except BlockingIOError:
                    await self._wait_until_writable(self._descriptor)
                except OSError:
                    self.close()

    async def _wait_until_writable(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        writable = self._writable = loop.create_future()
        loop.add_writer(descriptor, _resolve, writable)
        try:
            await writable
        finally:
            self._writable = None
            if self._descriptor is not None:
                loop.remove_writer(descriptor)

    def end(self) -> None:
        """End the input; a terminal stays open, as it carries the output too."""
        if not self._is_tty:
            self.close()
        elif self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.write(self._descriptor, END_OF_TRANSMISSION)

    def resize(self, width: int, height: int) -> None:
        """Set the terminal's size in columns and rows; its foreground processes get SIGWINCH."""
        if self._is_tty and self._descriptor is not None:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def close(self) -> None:
        """Close the descriptor; a ``write`` that waits returns."""
        if self._descriptor is None:
            return
        if self._writable is not None:
            asyncio.get_running_loop().remove_writer(self._descriptor)
            _resolve(self._writable)
        os.close(self._descriptor)
        self._descriptor = None


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class OutputQueue:
    """The reading ends of a process's output, read when ``read`` asks for more."""

    def __init__(self, outputs: dict[int, str]) -> None:
        self._open = dict(outputs)
        self._chunks: deque[tuple[str, bytes]] = deque()
        self._unread = 0
        self._is_reading = False
        self._wake = asyncio.Event()

    async def read(self) -> tuple[str, bytes] | None:
        """Return a stream's name and some bytes, None when there will be no more."""
        while not self._chunks:
            if not self._open:
                return None
            self._resume()
            self._wake.clear()
            await self._wake.wait()
        stream, chunk = self._chunks.popleft()
        self._unread -= len(chunk)
        return stream, chunk

    def finish(self) -> None:
        """Read what is left of a process that has ended, and close."""
        for descriptor in list(self._open):
            taken = 0
            while taken < LAST_WORDS and (size := self._take(descriptor)):
                taken += size
        self.close()

    def close(self) -> None:
        """Close the descriptors; what has been received can still be read."""
        for descriptor in list(self._open):
            self._close(descriptor)

    def _resume(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            for descriptor in self._open:
                asyncio.get_running_loop().add_reader(descriptor, self._on_readable, descriptor)

    def _on_readable(self, descriptor: int) -> None:
        self._take(descriptor)
        if self._unread > UNREAD_LIMIT:
            self._is_reading = False
            for each in self._open:
                asyncio.get_running_loop().remove_reader(each)

    def _take(self, descriptor: int) -> int:
        """Read once; return how many bytes there were."""
        try:
            chunk = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            return 0
        except OSError:
            # A terminal fails with EIO once no process has it open.
            chunk = b""
        if chunk:
            self._chunks.append((self._open[descriptor], chunk))
            self._unread += len(chunk)
        else:
            self._close(descriptor)
        self._wake.set()
        return len(chunk)

    def _close(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        del self._open[descriptor]
        os.close(descriptor)
        self._wake.set()
