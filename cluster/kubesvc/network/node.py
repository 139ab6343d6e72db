"""The network of a node of a real cluster: every address is where it is, nothing is moved.

``NodeNetwork`` is the machine's own network, in which the proxy of ``kubesvc proxy`` listens, dials, and has the
kernel's rules.
"""

from __future__ import annotations

from collections.abc import Callable

from kubehost.addresses import Address
from kubehost.io.places import HOST, Channel, Place, as_it_is, make_socket


class KernelPlace:
    """Implements ``Place`` for the machine's own network where the kernel is to carry its traffic too."""

    name = HOST.name
    bind = staticmethod(as_it_is)
    socket = staticmethod(make_socket)


class NodeNetwork:
    """Implements kubehost's ``Network``; ``has_kernel`` is whether the kernel's rules are in this network."""

    keeps_clients = False

    def __init__(self, *, has_kernel: bool) -> None:
        self._place: Place = KernelPlace() if has_kernel else HOST
        self.places: tuple[Place, ...] = (self._place,)

    def bind(self, address: str, port: int) -> Address:
        """Return the arguments."""
        return address, port

    def dial(self, address: str, port: int) -> Address:
        """Return the arguments."""
        return address, port

    def place(self, client: str, target: str) -> Place:
        """Return the only place."""
        del client, target
        return self._place

    def inside(self, pod: str) -> Place | None:
        """Return None: pods' own networks are not entered."""
        del pod
        return None

    def lend(self) -> Channel | None:
        """Return None: other processes have the machine's network too."""
        return None

    def attach(self, channel: Channel) -> None:
        """Refuse: nobody lends one."""
        raise NotImplementedError

    def observe(self, ended: Callable[[str], None]) -> None:
        """Do nothing: no pod's network is held."""
