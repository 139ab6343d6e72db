"""One connection to an endpoint: dialled, used for one exchange after the other, kept idle between them. Sockets only.

Its owner is the client's connection whose exchange it carries; nobody while it is idle. It is always read, so that an
endpoint that ends an idle connection is noticed before the connection is used again.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Protocol

from kubeproxy.types import Choice
from kubeproxy.userspace.http.heads import AnswerReader
from kubeproxy.userspace.http.io.wire import Wire
from kubeproxy.userspace.poller import READABLE, WRITABLE
from kubeproxy.userspace.sockets import connect
from kubeproxy.userspace.tcp.relay import DIAL_TIMEOUTS

if TYPE_CHECKING:
    from kubeproxy.userspace.http.io.front import HttpFront, Port

_ESTABLISHED = b"\x01"
"""TCP_ESTABLISHED (linux/tcp_states.h) in the first byte of struct tcp_info."""


class Owner(Protocol):
    """Is told what happens to the connection that carries its exchange."""

    def on_dialled(self, code: int) -> None:
        """Learn how the dial went: 0, or the errno of its failure, and then this connection is closed."""
        ...

    def on_answer(self, received: memoryview) -> None:
        """Take what the endpoint has said."""
        ...

    def on_upstream_end(self, code: int) -> None:
        """Record that the endpoint has ended: 0 or the errno of its reset."""
        ...

    def on_upstream_drained(self) -> None:
        """Record that the endpoint has taken all that was sent."""
        ...


class Upstream(Wire):
    """``is_reused``: it has carried an exchange before. ``reader`` reads what the endpoint says.

    ``counters`` are those of its endpoint, as of its last owner.
    """

    __slots__ = (
        "_timer",
        "counters",
        "endpoint",
        "idle_since",
        "is_connected",
        "is_reused",
        "owner",
        "port",
        "reader",
    )

    def __init__(self, front: HttpFront, port: Port, endpoint: str, sock: socket.socket) -> None:
        super().__init__(front, sock)
        self._timer: asyncio.TimerHandle | None = None
        self.port = port
        self.endpoint = endpoint
        self.owner: Owner | None = None
        self.counters = front.counters.endpoint(port.port_name, endpoint)
        self.reader = AnswerReader()
        self.idle_since = 0.0
        self.is_connected = True
        self.is_reused = False

    @property
    def is_alive(self) -> bool:
        """Whether the endpoint has not ended the connection, as far as the kernel knows by now."""
        return self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == _ESTABLISHED

    def await_dial(self, attempt: int) -> None:
        """Wait until the endpoint has answered the dial, the first, second ... ``attempt`` for a request."""
        self.is_connected = False
        self.events = WRITABLE
        self._front.poller.register(self.fd, WRITABLE, self)
        self._timer = self._front.loop.call_later(DIAL_TIMEOUTS[attempt - 1], self._learn_outcome, errno.ETIMEDOUT)

    def pause(self, *, is_paused: bool) -> None:
        """Stop or go on reading the endpoint, because its client is slow."""
        asked = max(self.events, 0)  # HUNG_UP is no event
        self.ask(asked & ~READABLE if is_paused else asked | READABLE)

    def attach(self, owner: Owner) -> None:
        """Carry an exchange of ``owner``, which counts as a connection to the endpoint."""
        self.owner = owner
        counters = self._front.counters
        if not self.counters.is_current:
            self.counters = counters.endpoint(self.port.port_name, self.endpoint)
        counters.opened(self.counters)

    def detach(self) -> None:
        """Have no owner any more."""
        if self.owner is not None:
            self.owner = None
            self._front.counters.closed(self.counters)

    def close(self, *, is_reset: bool = False) -> None:
        """End the connection."""
        self._cancel_timer()
        self.detach()
        self.end(is_reset=is_reset)

    def abandon(self) -> None:
        """End the connection, whatever could still be read."""
        self._end(errno.ECONNRESET)

    def _read(self) -> None:
        buffer = self._front.buffer
        try:
            count = self.sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error.errno or errno.ECONNRESET)
            return
        if count and self.owner is not None:
            self.owner.on_answer(buffer[:count])
        else:
            self._end(0)  # or an answer to nothing

    def _end(self, code: int) -> None:
        if self.owner is not None:
            self.owner.on_upstream_end(code)
        else:
            self.port.pool.forget(self)
            self.close()

    def _on_writable(self) -> None:
        if self.is_connected:
            super()._on_writable()
        else:
            self._learn_outcome(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _on_stalled(self) -> None:
        self.ask(self.events | WRITABLE)

    def _on_drained(self) -> None:
        self.ask(self.events & ~WRITABLE)
        if self.owner is not None:
            self.owner.on_upstream_drained()

    def _on_deaf(self) -> None:
        """Go on reading: an endpoint that takes nothing more may still have answered."""

    def _on_broken(self) -> None:
        """Wait until the client takes more: what the endpoint said before it broke off can be read, and then why."""
        if self.owner is not None:
            self.events = self._front.poller.hang_up(self.fd)

    def _learn_outcome(self, code: int) -> None:
        owner = self.owner
        self._cancel_timer()
        if code:
            self.close()
        else:
            self.is_connected = True
            self.ask(READABLE)
        if owner is not None:
            owner.on_dialled(code)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def dial(front: HttpFront, port: Port, choice: Choice) -> tuple[Upstream | None, int]:
    """Begin to connect; return the connection, None if that failed at once, and connect()'s errno or ELOOP."""
    target = front.targets.dial(port.port_name, choice.endpoint)
    if target is None:
        return None, errno.ELOOP
    try:
        sock, code = connect(target, "")
    except OSError as error:
        return None, error.errno or errno.EINVAL
    if sock.fileno() >= front.ceiling:
        code = errno.EMFILE
    if code not in (0, errno.EINPROGRESS):
        sock.close()
        return None, code
    upstream = Upstream(front, port, choice.address, sock)
    if not code:
        front.poller.register(upstream.fd, READABLE, upstream)
    return upstream, code
