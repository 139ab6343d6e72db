"""A command that goes on while the test reads and types: in a pseudo-terminal of its own, or with pipes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.helpers.patience import PATIENCE

_CHUNK = 65536


class Terminal:
    """One running command; to be used as a context. Everything it prints goes to stdout too."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        *,
        is_tty: bool,
        size: tuple[int, int] = (24, 80),
    ) -> None:
        self._argv, self._env, self._folder, self._is_tty = argv, env, folder, is_tty
        self._size = size
        self._unread = ""
        self._is_at_end = False
        self.process: subprocess.Popen[bytes]
        self._near: int
        self._input: int

    def __enter__(self) -> Terminal:
        """Start it."""
        if self._is_tty:
            self._near, far = pty.openpty()
            self._input = self._near
            self.resize(*self._size)
            # setsid makes the terminal the controlling one, as SIGWINCH and Ctrl-C need it to be.
            argv = ["setsid", "--ctty", *self._argv]
            self.process = subprocess.Popen(
                argv, stdin=far, stdout=far, stderr=far, env=self._env, cwd=self._folder, start_new_session=False
            )
            os.close(far)
        else:
            self._near, output = os.pipe()
            source, self._input = os.pipe()
            self.process = subprocess.Popen(
                self._argv, stdin=source, stdout=output, stderr=output, env=self._env, cwd=self._folder
            )
            os.close(output)
            os.close(source)
        return self

    def __exit__(self, *_exception: object) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.close_input()
        if self._near >= 0:
            os.close(self._near)

    def type(self, text: str) -> None:
        """Write to its standard input."""
        os.write(self._input, text.encode())

    def close_input(self) -> None:
        """End its standard input; a terminal stays."""
        if not self._is_tty and self._input >= 0:
            os.close(self._input)
            self._input = -1

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self._near, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def expect(self, wanted: str, seconds: float = PATIENCE) -> re.Match[str]:
        """Return the first match of a regular expression in what has not been matched yet, up to and including it."""
        deadline = time.monotonic() + seconds
        while (found := re.search(wanted, self._unread, re.MULTILINE)) is None:
            if self._is_at_end or not self._read(deadline - time.monotonic()):
                message = f"{wanted!r} has not come; what came is\n{self._unread}"
                raise AssertionError(message)
        self._unread = self._unread[found.end() :]
        return found

    def rest(self, seconds: float = PATIENCE) -> str:
        """Return what has not been matched, once the command has ended."""
        deadline = time.monotonic() + seconds
        while not self._is_at_end:
            if not self._read(deadline - time.monotonic()):
                message = f"it has not ended; what came is\n{self._unread}"
                raise AssertionError(message)
        return self._unread

    def wait(self, seconds: float = PATIENCE) -> int:
        """Return the exit status, when everything that it printed has been read."""
        self.rest(seconds)
        return self.process.wait(seconds)

    def _read(self, seconds: float) -> bool:
        """Read once; False when nothing came in time."""
        if seconds <= 0 or not select.select([self._near], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self._near, _CHUNK)
        except OSError:
            # EIO: every process has left the terminal.
            chunk = b""
        self._is_at_end = not chunk
        text = chunk.decode(errors="replace").replace("\r", "")
        sys.stdout.write(text)
        self._unread += text
        return True
