"""Where the cluster's addresses are on this machine, for every listening socket and every dial.

The composition root implements it: kubesvc's loopback network, later networks inside namespaces.
"""

from __future__ import annotations

from typing import Protocol

from kubehost.addresses import Address


class Network(Protocol):
    """Maps an address of the cluster to the socket address to bind or to dial."""

    def bind(self, address: str, port: int) -> Address:
        """Return the socket address to bind in place of ``address``:``port``.

        On loopback only a port below 1024 moves, by 10000, and only where this process may not bind it.
        """
        ...

    def dial(self, address: str, port: int) -> Address:
        """Return the socket address at which the endpoint ``address``:``port`` answers."""
        ...
