"""The network of tests that have addresses of their own: nothing is moved."""

from __future__ import annotations

from kubehost.addresses import Address


class DirectNetwork:
    """Every address and port is bound and dialled as it is."""

    def bind(self, address: str, port: int) -> Address:
        """Return the arguments."""
        return address, port

    def dial(self, address: str, port: int) -> Address:
        """Return the arguments."""
        return address, port
