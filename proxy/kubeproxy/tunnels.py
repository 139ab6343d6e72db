"""Tunnels: connections to endpoints that no socket of this machine leads to, made by what composes the proxy. Pure.

``kubesvc connect`` has them: its endpoints are pods of a remote cluster, behind the port-forward of that cluster's API.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Bytes = bytes | bytearray | memoryview


class TunnelReader(Protocol):
    """What a tunnel tells. Nothing is called after ``on_reset``, nor after the tunnel was closed; none may raise."""

    def on_bytes(self, content: bytes) -> None:
        """Take bytes from the endpoint; never called while the tunnel is not read."""
        ...

    def on_end(self) -> None:
        """Know that the endpoint sends no more; never called while the tunnel is not read."""
        ...

    def on_room(self) -> None:
        """Know that the tunnel takes bytes again, of which it has refused some."""
        ...

    def on_reset(self) -> None:
        """Know that the tunnel is over in both directions, and lost."""
        ...


class Tunnel(Protocol):
    """One connection to an endpoint, its reader's until ``close``. Nothing waits."""

    def send(self, content: Bytes, flags: int = 0, /) -> int:
        """Take bytes as a socket does, and return how many; OSError if the endpoint takes no more."""
        ...

    def shut(self) -> None:
        """Let the endpoint know that no more bytes come."""
        ...

    def read(self, is_read: bool) -> None:
        """Tell the reader what has come, at once, and what comes; or keep it. A tunnel is read from the first on."""
        ...

    def close(self, *, is_reset: bool) -> None:
        """Close it as a socket is closed: by an end, if it was not shut, or by a reset."""
        ...


OpenTunnel = Callable[[str, int, TunnelReader], Tunnel | None]
"""Opens one to an endpoint, by address and port; None for an endpoint that a socket leads to."""
