"""A process's output, handed to a function as it comes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from kubelet.process.streams import READ_SIZE, Input, open_ends

FLOOD_PAUSE = 0.02
"""Seconds for which a stream that has filled its pipe is not read: a process that floods its log has to wait."""

OutputSink = Callable[[str, bytes], None]
"""Takes ``stdout`` or ``stderr`` and some bytes of it; must not block or raise."""


def discard(_stream: str, _chunk: bytes) -> None:
    """Take output and do nothing with it."""


class OutputStreams:
    """Gives a process's output to a sink as it comes; ``stdin`` is there while it runs, if it was asked for."""

    def __init__(self, sink: OutputSink, *, has_stdin: bool = False, is_tty: bool = False) -> None:
        self.stdin: Input | None = None
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._has_stdin = has_stdin
        self._is_tty = is_tty
        self._open: dict[int, str] = {}

    def open(self) -> tuple[int, ...]:
        """Begin to read; return the process's ends, which the caller closes."""
        ends = open_ends(has_stdin=self._has_stdin, is_tty=self._is_tty)
        self._open = ends.outputs
        for reader in self._open:
            self._loop.add_reader(reader, self._read, reader)
        if ends.stdin is not None:
            self.stdin = Input(ends.stdin, is_tty=self._is_tty)
        return ends.theirs

    def _read(self, descriptor: int) -> bool:
        """Read once; return whether there may be more."""
        stream = self._open.get(descriptor)
        if stream is None:
            return False
        try:
            chunk = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if chunk:
            self._sink(stream, chunk)
            if len(chunk) == READ_SIZE:
                self._pause(descriptor)
            return True
        self._close(descriptor)
        return False

    def _pause(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        self._loop.call_later(FLOOD_PAUSE, self._resume, descriptor, self._open[descriptor])

    def _resume(self, descriptor: int, stream: str) -> None:
        # The number may belong to another stream by now; the name is the same object only for this one.
        if self._open.get(descriptor) is stream:
            self._loop.add_reader(descriptor, self._read, descriptor)

    def drain(self) -> None:
        """Take what is left in the pipes, then close them."""
        for descriptor in list(self._open):
            while self._read(descriptor):
                pass
            self._close(descriptor)
        if self.stdin is not None:
            self.stdin.close()

    def _close(self, descriptor: int) -> None:
        if self._open.pop(descriptor, None) is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
