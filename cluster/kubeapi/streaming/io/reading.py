"""How connections are read: all into one buffer, from which what has come is copied at once."""

from __future__ import annotations

import asyncio

_BUFFER = memoryview(bytearray(64 * 1024))
"""Larger pieces would leave the processor's cache on their way, and be made of fresh pages by the allocator."""


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
