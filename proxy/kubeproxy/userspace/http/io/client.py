"""The client's socket: what it says, what it has not taken yet, and how its connection ends. Decides nothing else."""

from __future__ import annotations

import socket
from math import inf
from typing import TYPE_CHECKING, Protocol

from kubeproxy.userspace.http.io.wire import Wire
from kubeproxy.userspace.poller import READABLE, WRITABLE

if TYPE_CHECKING:
    from kubeproxy.userspace.http.io.front import HttpFront


class Listener(Protocol):
    """Is told what the client does."""

    def on_received(self, received: memoryview) -> None:
        """Take what the client has said; not called while the connection is closing."""
        ...

    def on_client_end(self) -> None:
        """Record that the client says no more."""
        ...

    def on_client_drained(self) -> None:
        """Record that the client has taken everything."""
        ...

    def reset(self, reason: str) -> None:
        """Give up a client that has gone."""
        ...


class Client(Wire):
    """``is_closing``: the client is told no more and not understood any more.

    ``deadline``, in seconds of the front's clock, is when the wait for whatever comes next is over.
    """

    __slots__ = ("_is_lingering", "_listener", "deadline", "has_ended", "is_closed", "is_closing")

    def __init__(self, front: HttpFront, listener: Listener, sock: socket.socket) -> None:
        super().__init__(front, sock)
        self._listener = listener
        self._is_lingering = False
        self.has_ended = False
        self.is_closing = False
        self.is_closed = False
        self.deadline = inf
        front.poller.register(self.fd, READABLE, self)

    def wait(self, seconds: float) -> None:
        """Wait that long from now on."""
        self.deadline = self._front.clock() + seconds

    def listen(self, *, can_read: bool) -> None:
        """Wait for what can be done: to read if ``can_read``, to write if there is something to send."""
        if self.is_closed:
            return
        wanted = WRITABLE if self.unsent else 0
        if (can_read or self.is_closing) and not self.has_ended:
            wanted |= READABLE
        self.ask(wanted)

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
        self.listen(can_read=True)

    def close(self, *, is_reset: bool = False) -> None:
        """End now."""
        if not self.is_closed:
            self.is_closed = self.is_closing = True
            self.end(is_reset=is_reset)

    def _read(self) -> None:
        buffer = self._front.buffer
        try:
            count = self.sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            self._listener.reset("client_reset")
            return
        if not count:
            self._on_end()
        elif not self.is_closing:
            self._listener.on_received(buffer[:count])

    def _on_end(self) -> None:
        self.has_ended = True
        if self.is_closing and self.unsent:
            self.listen(can_read=False)
        else:
            self._listener.on_client_end()

    def _on_stalled(self) -> None:
        self.wait(self._front.config.send_seconds)

    def _on_drained(self) -> None:
        if self.is_closing:
            self._shut()
        else:
            self._listener.on_client_drained()
        self.listen(can_read=bool(self.events & READABLE))

    def _on_deaf(self) -> None:
        self._listener.reset("client_reset")

    def _on_broken(self) -> None:
        if not self.is_closed:
            self._listener.reset("client_reset")

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
