"""Writes frames to the reader of a pipe without ever waiting for it while requests are due."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

_PIPE_BYTES = 1 << 20


class Outlet:
    """A pipe; what it does not take at once is kept and tried again."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending = b""
        # Refused above the limit of the user's pipes, or if it is no pipe.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(descriptor, False)

    def write(self, content: bytes) -> None:
        """Write what is possible now; OSError if nobody reads any more."""
        self._pending += content
        with suppress(BlockingIOError):
            while self._pending:
                self._pending = self._pending[os.write(self._descriptor, self._pending) :]

    def finish(self) -> None:
        """Write the rest, and wait for the reader."""
        os.set_blocking(self._descriptor, True)
        self.write(b"")
