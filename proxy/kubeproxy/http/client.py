"""The client's socket: what it says, what it has not taken yet, and how its connection ends. Decides nothing else."""

from __future__ import annotations

import socket
from math import inf
from typing import TYPE_CHECKING, Protocol

from kubeproxy.poller import BROKEN, READABLE, WRITABLE
from kubeproxy.sockets import RESET_ON_CLOSE

if TYPE_CHECKING:
    from kubeproxy.http.front import HttpFront


class Listener(Protocol):
    """Is told what the client does."""

    def on_received(self, received: memoryview) -> None:
        """Take what the client has said; not called while the connection is closing."""
        ...

    def on_client_end(self) -> None:
        """Take note that the client says no more."""
        ...

    def on_client_drained(self) -> None:
        """Take note that the client has taken everything."""
        ...

    def reset(self, reason: str) -> None:
        """Give up a client that has gone."""
        ...


class Client:
    """``unsent``: what the client has not taken. ``is_closing``: it is told no more and not understood any more.

    ``deadline``, in seconds of the front's clock, is when the wait for whatever comes next is over.
    """

    __slots__ = (
        "_front",
        "_is_lingering",
        "_listener",
        "deadline",
        "events",
        "fd",
        "has_ended",
        "is_closed",
        "is_closing",
        "sock",
        "unsent",
    )

    def __init__(self, front: HttpFront, listener: Listener, sock: socket.socket) -> None:
        self._front = front
        self._listener = listener
        self._is_lingering = False
        self.sock = sock
        self.fd = sock.fileno()
        self.events = READABLE
        self.unsent = b""
        self.has_ended = False
        self.is_closing = False
        self.is_closed = False
        self.deadline = inf
        front.poller.register(self.fd, READABLE, self)

    def wait(self, seconds: float) -> None:
        """Wait that long from now on."""
        self.deadline = self._front.clock() + seconds

    def on_event(self, events: int) -> None:
        """Act on the poller's word."""
        if self.events & WRITABLE and events & (WRITABLE | BROKEN):
            self._flush()
        if self.events & READABLE and events & (READABLE | BROKEN):
            self._read()
        elif events & BROKEN and not self.is_closed:
            self._listener.reset("client_reset")

    def send(self, message: bytes | memoryview) -> None:
        """Send, and keep what does not fit."""
        if self.is_closed:
            return
        if self.unsent:
            self.unsent += message
            return
        try:
            sent = self.sock.send(message)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._listener.reset("client_reset")
            return
        if sent < len(message):
            self.unsent = bytes(message[sent:])
            self.wait(self._front.config.send_seconds)

    def ask(self, *, can_read: bool) -> None:
        """Wait for what can be done: to read if ``can_read``, to write if there is something to send."""
        if self.is_closed:
            return
        wanted = WRITABLE if self.unsent else 0
        if (can_read or self.is_closing) and not self.has_ended:
            wanted |= READABLE
        if wanted != self.events:
            self._front.poller.modify(self.fd, wanted)
            self.events = wanted

    def close_after_answer(self, *, lingers: bool) -> None:
        """End once the client has got everything.

        A client that may still be sending is listened to meanwhile (``lingers``): closing with unread bytes resets, and
        a reset can overtake the answer (RFC 9112 9.6).
        """
        if self.is_closed:
            return
        self.is_closing = True
        self._is_lingering = lingers and not self.has_ended
        if not self.unsent:
            self._shut()
        self.ask(can_read=True)

    def close(self, *, is_reset: bool = False) -> None:
        """End now."""
        if self.is_closed:
            return
        self.is_closed = self.is_closing = True
        self.events = 0
        if is_reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._front.poller.close_socket(self.sock)

    def _read(self) -> None:
        buffer = self._front.buffer
        try:
            count = self.sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            self._listener.reset("client_reset")
            return
        if count:
            if not self.is_closing:
                self._listener.on_received(buffer[:count])
            return
        self.has_ended = True
        if not self.is_closing:
            self._listener.on_client_end()
        elif self.unsent:
            self.ask(can_read=False)
        else:
            self._listener.on_client_end()

    def _flush(self) -> None:
        try:
            sent = self.sock.send(self.unsent)
        except BlockingIOError:
            return
        except OSError:
            self._listener.reset("client_reset")
            return
        self.unsent = self.unsent[sent:]
        if self.unsent:
            self.wait(self._front.config.send_seconds)
        elif self.is_closing:
            self._shut()
        else:
            self._listener.on_client_drained()
        self.ask(can_read=bool(self.events & READABLE))

    def _shut(self) -> None:
        """Tell the client that this was all."""
        if not self._is_lingering or self.has_ended:
            self._listener.on_client_end()
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._listener.on_client_end()
            return
        self.wait(self._front.config.linger_seconds)
