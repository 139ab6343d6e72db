"""How connections are read: all into one buffer, from which what has come is copied at once."""

from __future__ import annotations

import asyncio

_BUFFER = memoryview(bytearray(64 * 1024))
"""Larger pieces would leave the processor's cache on their way."""

bytes(4 * 1024 * 1024)
# Made and freed, once: from now on glibc keeps up to twice as much of its heap (M_TRIM_THRESHOLD in mallopt(3)).
# Before, it gave each piece's pages back to the kernel, which took two thirds of the time of a client that sends much.


class BufferedReader(asyncio.BufferedProtocol):
    """Hands bytes to ``feed``."""

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read to, for all connections the same."""
        del sizehint
        return _BUFFER

    def buffer_updated(self, count: int) -> None:
        """Hand on what was read."""
        self.feed(bytes(_BUFFER[:count]))

    def feed(self, content: bytes) -> None:
        """Take bytes of the connection; for subclasses."""
        raise NotImplementedError
