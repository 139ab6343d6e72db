"""The accept loop: takes what waits at a listening stream socket and hands it to the front that serves it.

Binds nothing (``listeners`` does) and never waits: a listener has a bounded part of each turn, and when clients have
all the file descriptors that they may have it pauses, while what waits stays in the kernel's queue.
"""

from __future__ import annotations

import errno
import socket
from socket import SocketType
from typing import NamedTuple

from kubeproxy.counters import ProxyCounters
from kubeproxy.rules import Listener
from kubeproxy.userspace.descriptors import Descriptors
from kubeproxy.userspace.fronts import FindRoute, Fronts
from kubeproxy.userspace.poller import READABLE, Poller
from kubeproxy.userspace.portgroup import BACKLOG
from kubeproxy.userspace.sockets import RESET_ON_CLOSE

ACCEPTS_PER_TURN = 64
"""New connections of one listener before the others have their turn."""


class StreamFront(NamedTuple):
    """What all listening stream sockets of one proxy share."""

    poller: Poller
    fronts: Fronts
    counters: ProxyCounters
    find_route: FindRoute
    descriptors: Descriptors

    def listen(self, sock: socket.socket, listener: Listener) -> StreamSocket:
        """Own a listening, non-blocking socket from now on; the caller registers what is returned."""
        return StreamSocket(self, sock, listener)


class StreamSocket:
    """A listening stream socket."""

    __slots__ = ("_front", "_kind", "_streams", "listener", "sock")

    def __init__(self, streams: StreamFront, sock: socket.socket, listener: Listener) -> None:
        self.sock = sock
        self._streams = streams
        self._kind = (int(sock.family), int(sock.type), sock.proto)
        self.update(listener)

    def update(self, listener: Listener) -> None:
        """Treat new clients otherwise."""
        self.listener = listener
        self._front = self._streams.fronts.of(listener)
        # Accepted sockets inherit it: no urgent byte is lost, wherever it is read. In HTTP there are none.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, not listener.is_http)

    def close(self) -> None:
        """Close; what waited to be accepted is still served."""
        self.accept(BACKLOG)
        self._streams.poller.close_socket(self.sock)

    def on_event(self, events: int) -> None:
        """Accept: nothing else happens to a listening socket."""
        del events
        self.accept(ACCEPTS_PER_TURN)

    def abandon(self) -> None:
        """Go on: only the client that was being accepted is lost."""

    def accept(self, limit: int) -> None:
        """Hand what waits, up to ``limit``, to the one who serves it."""
        destination, descriptors = self.listener.destination, self._streams.descriptors
        if descriptors.is_short:
            self._pause()
            return
        # accept() itself makes an object of Python's, for which it asks the kernel and two enumerations.
        accept = self.sock._accept  # type: ignore[attr-defined]  # not in the stubs
        for _ in range(limit):
            try:
                descriptor, peer = accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._pause()
                    return
                continue  # this client is gone already (ECONNABORTED and its kin, accept(2))
            sock = SocketType(*self._kind, descriptor)
            client = peer[0]
            route = self._streams.find_route(client, destination)
            if route is None:
                # Heard by a filter that was replaced a moment ago, or by none because it was too long.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                sock.close()
                continue
            self._front.accept(sock, client, destination, route)
            if descriptor >= descriptors.ceiling:
                self._pause()
                return

    def _pause(self) -> None:
        self._streams.counters.errors["too_many_open_files"] += 1
        self._streams.poller.modify(self.sock.fileno(), 0)
        self._streams.descriptors.wait(self._resume)

    def _resume(self) -> None:
        if self.sock.fileno() >= 0:
            self._streams.poller.modify(self.sock.fileno(), READABLE)
