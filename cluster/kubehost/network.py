"""Where the cluster's addresses are on this machine, for every listening socket and every dial.

The composition root implements it: kubesvc's loopback network, and its network of sandboxes, where pods have networks
of their own and sockets are made in several places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kubehost.addresses import Address
from kubehost.io.places import Channel, Place


class Network(Protocol):
    """Maps an address of the cluster to the socket address to bind or to dial, and to the place to do it in."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Where Services and DNS listen, the host first; one place where pods have no networks of their own."""
        ...

    @property
    def keeps_clients(self) -> bool:
        """Whether the host can send from the address of any client that it has itself, as in 127.0.0.0/8."""
        ...

    def bind(self, address: str, port: int) -> Address:
        """Return the socket address to bind on the host in place of ``address``:``port``.

        On loopback only a port below 1024 moves, by 10000, and only where this process may not bind it.
        """
        ...

    def dial(self, address: str, port: int) -> Address:
        """Return the socket address at which the endpoint ``address``:``port`` answers, in the place for it."""
        ...

    def place(self, client: str, target: str) -> Place:
        """Return where a connection to ``target``, an address that ``dial`` returned, begins for a ``client``.

        A pod's own place makes the server see the pod's address. Called for every connection.
        """
        ...

    def inside(self, pod: str) -> Place | None:
        """Return the network of the pod with this address, where 127.0.0.1 is its own; None if it has none."""
        ...

    def lend(self) -> Channel | None:
        """Return a channel for another process, which its copy of this network is to ``attach``; None without need.

        OSError without an agent. A copy is made by pickling; it has no channel yet.
        """
        ...

    def attach(self, channel: Channel) -> None:
        """Own a channel to the agent in place of an earlier one; to be called on the event loop."""
        ...

    def observe(self, ended: Callable[[str], None]) -> None:
        """Have a function called with the address of each pod whose network ends: a socket would keep it alive."""
        ...
