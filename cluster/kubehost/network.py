"""Where the cluster's addresses are on this machine: the one question that every listener and every dial asks.

The composition root answers it (loopback, later a private network). Ports below 1024 move by 10000 where the
process may not bind them; an endpoint's address may have a stand-in on this machine.
"""

from __future__ import annotations

from typing import Protocol


class Network(Protocol):
    """Maps an address of the cluster to the socket address to bind or to dial."""

    def bind_port(self, port: int) -> int:
        """Return the port to bind in place of ``port``: itself, or 10000 more without the privilege."""
        ...

    def dial(self, address: str, port: int) -> tuple[str, int]:
        """Return the socket address at which the endpoint ``address``:``port`` answers."""
        ...
