"""One connection to an endpoint: dialled, used for one exchange after the other, kept idle between them. Sockets only.

Its owner is the client's connection whose exchange it carries; nobody while it is idle. It is always read, so that an
endpoint that ends an idle connection is noticed before the connection is used again.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Protocol

from kubeproxy.counters import EndpointCounters
from kubeproxy.poller import BROKEN, READABLE, WRITABLE
from kubeproxy.relay import DIAL_TIMEOUTS
from kubeproxy.sockets import RESET_ON_CLOSE, connect

if TYPE_CHECKING:
    from kubeproxy.http.front import HttpFront, Port


class Owner(Protocol):
    """Is told what happens to the connection that carries its exchange."""

    def on_dialled(self, code: int) -> None:
        """Learn how the dial went: 0, or the errno of its failure, and then this connection is closed."""
        ...

    def on_answer(self, received: memoryview) -> None:
        """Take what the endpoint has said."""
        ...

    def on_upstream_end(self, code: int) -> None:
        """Take note that the endpoint has ended: 0 or the errno of its reset."""
        ...

    def on_upstream_drained(self) -> None:
        """Take note that the endpoint has taken all that was sent."""
        ...


class Upstream:
    """``is_reused``: it has carried an exchange before. ``unsent``: what the endpoint has not taken yet."""

    __slots__ = (
        "_front",
        "_timer",
        "counters",
        "endpoint",
        "events",
        "fd",
        "idle_since",
        "is_connected",
        "is_deaf",
        "is_reused",
        "owner",
        "port",
        "sock",
        "unsent",
    )

    def __init__(self, front: HttpFront, port: Port, endpoint: str, sock: socket.socket) -> None:
        self._front = front
        self._timer: asyncio.TimerHandle | None = None
        self.port = port
        self.endpoint = endpoint
        self.sock = sock
        self.fd = sock.fileno()
        self.events = READABLE
        self.owner: Owner | None = None
        self.counters: EndpointCounters | None = None
        self.unsent = b""
        self.idle_since = 0.0
        self.is_connected = True
        self.is_deaf = False
        self.is_reused = False

    def await_dial(self, attempt: int) -> None:
        """Wait until the endpoint has answered the dial, the first, second ... ``attempt`` for a request."""
        self.is_connected = False
        self.events = WRITABLE
        self._front.poller.register(self.fd, WRITABLE, self)
        self._timer = self._front.loop.call_later(DIAL_TIMEOUTS[attempt - 1], self._learn_outcome, errno.ETIMEDOUT)

    def send(self, message: bytes | memoryview) -> None:
        """Send, or keep what does not fit. An endpoint that takes nothing more may still have answered."""
        if self.is_deaf:
            return
        if self.unsent:
            self.unsent += message
            return
        try:
            sent = self.sock.send(message)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.is_deaf = True
            return
        if sent < len(message):
            self.unsent = bytes(message[sent:])
            self.ask(self.events | WRITABLE)

    def ask(self, wanted: int) -> None:
        """Wait for these events from now on."""
        if wanted != self.events:
            self._front.poller.modify(self.fd, wanted)
            self.events = wanted

    def pause(self, *, is_paused: bool) -> None:
        """Stop or go on reading the endpoint, because its client is slow."""
        self.ask(self.events & ~READABLE if is_paused else self.events | READABLE)

    def on_event(self, events: int) -> None:
        """Act on the poller's word."""
        if self.events & WRITABLE and events & (WRITABLE | BROKEN):
            if not self.is_connected:
                self._learn_outcome(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                return
            self._flush()
        if self.events & READABLE and events & (READABLE | BROKEN):
            self._read()
        elif events & BROKEN and not self.events & READABLE and self.owner is not None:
            self.owner.on_upstream_end(errno.ECONNRESET)

    def detach(self) -> None:
        """Have no owner any more."""
        self.owner = None
        if self.counters is not None:
            self._front.counters.closed(self.counters)
            self.counters = None

    def close(self, *, is_reset: bool = False) -> None:
        """End the connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.detach()
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
        except OSError as error:
            self._end(error.errno or errno.ECONNRESET)
            return
        if not count:
            # EPIPE: after its end our bytes met a closed socket, so that no server has read them.
            self._end(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        elif self.owner is not None:
            self.owner.on_answer(buffer[:count])
        else:
            self._end(0)  # an answer to nothing

    def _end(self, code: int) -> None:
        if self.owner is not None:
            self.owner.on_upstream_end(code)
        else:
            self.port.pool.forget(self)
            self.close()

    def _flush(self) -> None:
        try:
            sent = self.sock.send(self.unsent)
        except BlockingIOError:
            return
        except OSError:
            self.is_deaf = True
            sent = len(self.unsent)
        self.unsent = self.unsent[sent:]
        if not self.unsent:
            self.ask(self.events & ~WRITABLE)
            if self.owner is not None:
                self.owner.on_upstream_drained()

    def _learn_outcome(self, code: int) -> None:
        owner = self.owner
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if code:
            self.close()
        else:
            self.is_connected = True
            self.ask(READABLE)
        if owner is not None:
            owner.on_dialled(code)


def dial(front: HttpFront, port: Port, endpoint: str, target: tuple[str, int]) -> tuple[Upstream | None, int]:
    """Begin to connect to ``target``; return the connection, None if that failed at once, and connect()'s errno."""
    try:
        sock, code = connect(target, "")
    except OSError as error:
        return None, error.errno or errno.EINVAL
    if code not in (0, errno.EINPROGRESS):
        sock.close()
        return None, code
    upstream = Upstream(front, port, endpoint, sock)
    if not code:
        front.poller.register(upstream.fd, READABLE, upstream)
    return upstream, code
