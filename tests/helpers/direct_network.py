"""The network of tests that have addresses of their own: nothing is moved."""

from __future__ import annotations

from collections.abc import Callable

from kubehost.addresses import Address
from kubehost.io.places import Channel, HostPlace, Place


class DirectNetwork:
    """Every address and port is bound and dialled as it is, on the host."""

    keeps_clients = True

    def __init__(self) -> None:
        self.places: tuple[Place, ...] = (HostPlace(self.bind),)

    def bind(self, address: str, port: int) -> Address:
        """Return the arguments."""
        return address, port

    def dial(self, address: str, port: int) -> Address:
        """Return the arguments."""
        return address, port

    def place(self, client: str, target: str) -> Place:
        """Return the host."""
        del client, target
        return self.places[0]

    def inside(self, pod: str) -> Place | None:
        """Return None."""
        del pod
        return None

    def lend(self) -> Channel | None:
        """Return None."""
        return None

    def observe(self, ended: Callable[[str], None]) -> None:
        """Do nothing: no pod has a network."""

    def attach(self, channel: Channel) -> None:
        """Refuse."""
        raise NotImplementedError
