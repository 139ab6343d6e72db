"""The network of a node of a real cluster: every address is where it is, nothing is moved.

``NodeNetwork`` is the machine's own network, in which the proxy of ``kubesvc proxy`` listens, dials, and has the
kernel's rules.
"""

from __future__ import annotations

from kubehost.addresses import Address
from kubehost.io.places import HOST, Place, as_it_is, make_socket
from kubesvc.network.one import OneNetwork


class KernelPlace:
    """Implements ``Place`` for the machine's own network where the kernel is to carry its traffic too."""

    name = HOST.name
    bind = staticmethod(as_it_is)
    socket = staticmethod(make_socket)


class NodeNetwork(OneNetwork):
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
