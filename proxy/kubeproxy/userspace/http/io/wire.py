"""A socket that never blocks: what its peer has not taken yet, and what the poller is asked for. Decides nothing."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from typing import Protocol

from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.poller import BROKEN, READABLE, WRITABLE
from kubeproxy.userspace.sockets import RESET_ON_CLOSE


class Conversation(Protocol):
    """What the sockets of a client and of its endpoint call. Each call may end the exchange, and the connection."""

    def on_request_bytes(self, received: memoryview) -> None:
        """Take what the client has sent; not called while the connection is closing."""
        ...

    def on_client_end(self) -> None:
        """Record that the client sends no more, or that it has got the last answer and there is nothing to wait for."""
        ...

    def set_deadline(self) -> None:
        """Set a new deadline: the client must take what it was sent, or end."""
        ...

    def on_client_drained(self) -> None:
        """Record that the client has taken everything."""
        ...

    def on_dialled(self, code: int) -> None:
        """Learn how the dial went: 0, or the errno of its failure, and then the upstream is closed."""
        ...

    def on_answer_bytes(self, received: memoryview) -> None:
        """Take what the endpoint has sent."""
        ...

    def on_upstream_end(self, code: int) -> None:
        """Record that the endpoint has ended: 0 or the errno of its reset."""
        ...

    def go_on(self) -> None:
        """Go on with the exchange: the endpoint has taken all that was sent."""
        ...

    def reset(self, reason: str) -> None:
        """Cut both sides off; ``reason`` is counted as an error."""
        ...


class Wire(ABC):
    """``unsent``: what the peer has not taken. ``takes_nothing``: a send has failed, the peer takes nothing any more.

    ``events`` is what the poller is asked for, 0 once the socket is closed.
    """

    __slots__ = ("_shared", "events", "fd", "sock", "takes_nothing", "unsent")

    def __init__(self, shared: HttpShared, sock: socket.socket) -> None:
        self._shared = shared
        self.sock = sock
        self.fd = sock.fileno()
        self.events = READABLE
        self.unsent = b""
        self.takes_nothing = False

    def send(self, message: bytes | memoryview) -> None:
        """Send, and keep what does not fit."""
        if self.unsent:
            self.unsent += message
        elif not self.takes_nothing:
            try:
                sent = self.sock.send(message)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.takes_nothing = True
                self._on_send_failed()
                return
            if sent < len(message):
                self.unsent = bytes(message[sent:])
                self._on_stalled()

    def ask(self, wanted: int) -> None:
        """Wait for these events from now on."""
        if wanted != self.events:
            self.events = self._shared.poller.ask(self.fd, self.events, wanted, self)

    def on_event(self, events: int) -> None:
        """Handle an event of the poller."""
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
        self.takes_nothing = True
        self.events = 0
        if is_reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._shared.poller.close_socket(self.sock)

    def _on_writable(self) -> None:
        """Send what the peer has not taken before."""
        try:
            self.unsent = self.unsent[self.sock.send(self.unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self.unsent = b""
            self.takes_nothing = True
            self._on_send_failed()
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
    def _on_send_failed(self) -> None:
        """Record that the peer takes nothing any more."""

    @abstractmethod
    def _on_broken(self) -> None:
        """Record that the connection has broken while nothing was read; perhaps it is closed by now."""
