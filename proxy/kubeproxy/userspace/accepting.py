"""The accept loop: takes what waits at a listening stream socket and hands it to the front that serves it.

Binds nothing (``listeners`` does) and never waits: a listener has a bounded part of each turn, and when clients have
all the file descriptors that they may have it pauses, while what waits stays in the kernel's queue.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from socket import SocketType
from typing import Protocol

from kubeproxy.rules import Listener
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.types import Destination, Route
from kubeproxy.userspace.descriptors import Descriptors
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.poller import READABLE, EventHandler
from kubeproxy.userspace.portgroup import BACKLOG
from kubeproxy.userspace.sockets import RESET_ON_CLOSE

ACCEPTS_PER_TURN = 64
"""New connections of one listener before the others have their turn."""
_SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

FindRoute = Callable[[str, Destination], Route | None]
"""Returns the route of a client's new connection or flow, None if it is dropped."""


class BoundSocket(EventHandler, Protocol):
    """A socket that is bound to a destination: one that listens, or one for datagrams."""

    sock: SocketType
    listener: Listener

    def update(self, listener: Listener) -> None:
        """Apply a listener's changed settings to new clients."""
        ...

    def close(self) -> None:
        """Take no more clients, and close the socket."""
        ...


class Front(Protocol):
    """Takes over accepted sockets: of connections as they are, or of HTTP requests."""

    def accept(self, sock: SocketType, client: str, client_port: int, destination: Destination, route: Route) -> None:
        """Own a connected socket of a client, given by address and port, from now on; it may be in blocking mode."""
        ...


class Accepting:
    """What all listening stream sockets of one data plane share."""

    def __init__(
        self,
        parts: DataPlaneParts,
        connections: Front,
        requests: Front,
        find_route: FindRoute,
        descriptors: Descriptors,
    ) -> None:
        self.poller = parts.poller
        self.counters = parts.counters
        self.find_route = find_route
        self.descriptors = descriptors
        self._connections = connections
        self._requests = requests

    def front(self, listener: Listener) -> Front:
        """Return what serves a listener's clients."""
        return self._requests if listener.is_http else self._connections


class ListeningSocket:
    """A listening stream socket, which it owns; the caller registers it with the poller."""

    __slots__ = ("_accepting", "_front", "_kind", "listener", "sock")

    def __init__(self, accepting: Accepting, sock: SocketType, listener: Listener) -> None:
        self.sock = sock
        self._accepting = accepting
        self._kind = (int(sock.family), int(sock.type), sock.proto)
        self.update(listener)

    def update(self, listener: Listener) -> None:
        """Apply a listener's changed settings to new clients."""
        self.listener = listener
        self._front = self._accepting.front(listener)
        # Accepted sockets inherit it: no urgent byte is lost, wherever it is read. HTTP has no urgent bytes.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, not listener.is_http)

    def close(self) -> None:
        """Close; what waited to be accepted is still served."""
        self.accept(BACKLOG)
        self._accepting.poller.close_socket(self.sock)

    def on_event(self, events: int) -> None:
        """Accept: nothing else happens to a listening socket."""
        del events
        self.accept(ACCEPTS_PER_TURN)

    def abandon(self) -> None:
        """Keep accepting: a fault costs only the client that was being accepted."""

    def accept(self, limit: int) -> None:
        """Accept up to ``limit`` clients and hand each to the front.

        Not by socket.accept(), which makes an object of Python's, asks the kernel and looks up two enumerations for it.
        """
        destination, descriptors = self.listener.destination, self._accepting.descriptors
        if descriptors.is_short:
            self._pause()
            return
        accept = self.sock._accept  # type: ignore[attr-defined]  # not in the stubs
        for _ in range(limit):
            try:
                descriptor, peer = accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _SHORTAGE:
                    continue  # this client is gone already (ECONNABORTED and the like, accept(2))
                self._pause()
                return
            sock = SocketType(*self._kind, descriptor)
            route = self._accepting.find_route(peer[0], destination)
            if route is None:
                _refuse(sock)
            else:
                self._front.accept(sock, peer[0], peer[1], destination, route)
            if descriptor >= descriptors.ceiling:
                self._pause()
                return

    def _pause(self) -> None:
        self._accepting.counters.errors[Outcome.TOO_MANY_OPEN_FILES] += 1
        self._accepting.poller.modify(self.sock.fileno(), 0)
        self._accepting.descriptors.wait(self._resume)

    def _resume(self) -> None:
        if self.sock.fileno() >= 0:
            self._accepting.poller.modify(self.sock.fileno(), READABLE)


def _refuse(sock: SocketType) -> None:
    """Reset a client that the socket's filter should have dropped: it was replaced just now, or was too long to set."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    sock.close()
