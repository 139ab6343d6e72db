"""A socket that never blocks: what its peer has not taken yet, and what the poller is asked for. Decides nothing."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from kubeproxy.userspace.poller import BROKEN, READABLE, WRITABLE
from kubeproxy.userspace.sockets import RESET_ON_CLOSE

if TYPE_CHECKING:
    from kubeproxy.userspace.http.io.front import HttpFront


class Wire(ABC):
    """``unsent``: what the peer has not taken. ``is_deaf``: it takes nothing any more.

    ``events`` is what the poller is asked for, 0 once the socket is closed.
    """

    __slots__ = ("_front", "events", "fd", "is_deaf", "sock", "unsent")

    def __init__(self, front: HttpFront, sock: socket.socket) -> None:
        self._front = front
        self.sock = sock
        self.fd = sock.fileno()
        self.events = READABLE
        self.unsent = b""
        self.is_deaf = False

    def send(self, message: bytes | memoryview) -> None:
        """Send, and keep what does not fit."""
        if self.unsent:
            self.unsent += message
        elif not self.is_deaf:
            try:
                sent = self.sock.send(message)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.is_deaf = True
                self._on_deaf()
                return
            if sent < len(message):
                self.unsent = bytes(message[sent:])
                self._on_stalled()

    def ask(self, wanted: int) -> None:
        """Wait for these events from now on."""
        if wanted != self.events:
            self.events = self._front.poller.ask(self.fd, self.events, wanted, self)

    def on_event(self, events: int) -> None:
        """Act on the poller's word."""
        if self.events & WRITABLE and events & (WRITABLE | BROKEN):
            self._on_writable()
        if self.events & READABLE and events & (READABLE | BROKEN):
            self._read()
        elif events & BROKEN:
            self._on_broken()

    def abandon(self) -> None:
        """End the connection."""
        self._on_broken()

    def end(self, *, is_reset: bool) -> None:
        """Close the socket."""
        self.is_deaf = True
        self.events = 0
        if is_reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._front.poller.close_socket(self.sock)

    def _on_writable(self) -> None:
        """Go on where the peer has stalled."""
        try:
            self.unsent = self.unsent[self.sock.send(self.unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self.unsent = b""
            self.is_deaf = True
            self._on_deaf()
        if self.unsent:
            self._on_stalled()
        else:
            self._on_drained()

    @abstractmethod
    def _read(self) -> None:
        """Take what there is to read."""

    @abstractmethod
    def _on_stalled(self) -> None:
        """Record that the peer has not taken everything yet."""

    @abstractmethod
    def _on_drained(self) -> None:
        """Record that the peer has taken everything, or takes nothing any more."""

    @abstractmethod
    def _on_deaf(self) -> None:
        """Record that the peer takes nothing any more."""

    @abstractmethod
    def _on_broken(self) -> None:
        """Record that the connection has broken while nobody read; perhaps it is closed by now."""
