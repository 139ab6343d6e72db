"""Who serves what arrives at the proxy's sockets, and what ``Listeners`` may ask of a bound one. Decides nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable
from socket import SocketType
from typing import NamedTuple, Protocol

from kubeproxy.rules import Listener
from kubeproxy.types import Destination, Route
from kubeproxy.userspace.poller import EventHandler

FindRoute = Callable[[str, Destination], Route | None]
"""Returns the route of a client's new connection, None if it is dropped."""


class Front(Protocol):
    """Takes over accepted sockets: of connections as they are, or of HTTP requests."""

    def accept(self, sock: SocketType, client: str, destination: Destination, route: Route) -> None:
        """Own a connected socket of ``client`` from now on; that it must not block is the front's business."""
        ...


class BoundSocket(EventHandler, Protocol):
    """A socket that is bound to a destination, with what is known of it."""

    sock: socket.socket
    listener: Listener

    def update(self, listener: Listener) -> None:
        """Treat new clients otherwise."""
        ...

    def close(self) -> None:
        """Take no more clients, and close the socket."""
        ...


class DatagramFront(Protocol):
    """Serves what arrives at datagram sockets."""

    def listen(self, sock: socket.socket, listener: Listener, find_route: FindRoute) -> BoundSocket:
        """Own a bound, non-blocking socket from now on; ``Listeners`` registers it."""
        ...


class Fronts(NamedTuple):
    """Who serves what is accepted."""

    connections: Front
    requests: Front
    datagrams: DatagramFront

    def of(self, listener: Listener) -> Front:
        """Return who serves a stream listener's clients."""
        return self.requests if listener.is_http else self.connections
