"""One connection to an endpoint: dialled, used for one exchange after the other, kept idle between them. Sockets only.

It belongs to a conversation while it carries an exchange, and to none while it is idle. It is always read, so that an
endpoint that ends an idle connection is noticed before the connection is used again.
"""

from __future__ import annotations

import asyncio
import errno
import socket

from kubeproxy.http.answerhead import AnswerReader
from kubeproxy.telemetry.outcomes import Result
from kubeproxy.types import Choice, ServicePortName
from kubeproxy.userspace.dialling import connect, late_outcome
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.io.wire import Conversation, Wire
from kubeproxy.userspace.http.pool import Pool
from kubeproxy.userspace.poller import READABLE, WRITABLE
from kubeproxy.userspace.tcp.relay import DIAL_TIMEOUTS

_ESTABLISHED = b"\x01"
"""TCP_ESTABLISHED (linux/tcp_states.h) in the first byte of struct tcp_info."""


class Upstream(Wire):
    """``is_reused``: it has carried an exchange before. ``reader`` reads what the endpoint says.

    ``counters`` are those of its endpoint, as of its last exchange. ``pool`` has it while it is idle. ``sent_at`` is
    when the request was sent, 0 where nobody wants to know, or once the answer has begun.
    """

    __slots__ = (
        "_timer",
        "conversation",
        "counters",
        "endpoint",
        "idle_since",
        "is_connected",
        "is_reused",
        "pool",
        "port_name",
        "reader",
        "sent_at",
    )

    def __init__(
        self, shared: HttpShared, pool: Pool[Upstream], port_name: ServicePortName, endpoint: str, sock: socket.socket
    ) -> None:
        super().__init__(shared, sock)
        self._timer: asyncio.TimerHandle | None = None
        self.pool = pool
        self.port_name = port_name
        self.endpoint = endpoint
        self.conversation: Conversation | None = None
        self.counters = shared.counters.endpoint(port_name, endpoint)
        self.reader = AnswerReader()
        self.idle_since = 0.0
        self.sent_at = 0.0
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
        self._shared.poller.register(self.fd, WRITABLE, self)
        self._timer = self._shared.loop.call_later(DIAL_TIMEOUTS[attempt - 1], self._learn_outcome)

    def pause(self, *, is_paused: bool) -> None:
        """Stop or go on reading the endpoint, because its client is slow."""
        asked = max(self.events, 0)  # HUNG_UP is no event
        self.ask(asked & ~READABLE if is_paused else asked | READABLE)

    def attach(self, conversation: Conversation) -> None:
        """Carry an exchange of ``conversation``, which counts as a connection to the endpoint."""
        self.conversation = conversation
        counters = self._shared.counters
        if not self.counters.is_current:
            self.counters = counters.endpoint(self.port_name, self.endpoint)
        counters.opened(self.counters)

    def tell(self, result: Result) -> None:
        """Tell how the exchange went, where somebody wants to know."""
        if self.counters.watchers:
            self.counters.completed(result)

    def detach(self) -> None:
        """Carry no exchange any more."""
        if self.conversation is not None:
            self.conversation = None
            if self.sent_at:
                self._tell_answered()
            self._shared.counters.closed(self.counters)

    def close(self, *, is_reset: bool = False) -> None:
        """End the connection."""
        self._cancel_timer()
        self.detach()
        self.end(is_reset=is_reset)

    def abandon(self) -> None:
        """End the connection, whatever could still be read."""
        self._end(errno.ECONNRESET)

    def _read(self) -> None:
        buffer = self._shared.buffer
        try:
            count = self.sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error.errno or errno.ECONNRESET)
            return
        if count and self.conversation is not None:
            self.counters.bytes_to_client += count
            if self.sent_at:
                self._tell_answered()
            self.conversation.on_answer_bytes(buffer[:count])
        else:
            self._end(0)  # bytes that answer no request are treated like the end

    def _tell_answered(self) -> None:
        seconds, self.sent_at = self._shared.clock() - self.sent_at, 0.0
        self.counters.answered(seconds)

    def _end(self, code: int) -> None:
        if self.conversation is not None:
            self.conversation.on_upstream_end(code)
        else:
            self.pool.forget(self)
            self.close()

    def _on_writable(self) -> None:
        if self.is_connected:
            super()._on_writable()
        else:
            self._learn_outcome()

    def _on_stalled(self) -> None:
        self.ask(self.events | WRITABLE)

    def _on_drained(self) -> None:
        self.ask(self.events & ~WRITABLE)
        if self.conversation is not None:
            self.conversation.go_on()

    def _on_send_failed(self) -> None:
        """Keep reading: an endpoint that takes nothing more may still have answered."""

    def _on_broken(self) -> None:
        """Wait until the client takes more: then what the endpoint sent is read, and after it why it broke off."""
        if self.conversation is not None:
            self.events = self._shared.poller.hang_up(self.fd)

    def _learn_outcome(self) -> None:
        conversation, code = self.conversation, late_outcome(self.sock)
        self._cancel_timer()
        if code:
            self.close()
        else:
            self.is_connected = True
            self.ask(READABLE)
        if conversation is not None:
            conversation.on_dialled(code)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def dial(shared: HttpShared, pool: Pool[Upstream], port_name: ServicePortName, choice: Choice) -> Upstream | int:
    """Begin to connect; return the upstream (``is_connected`` tells whether it is done), or why it failed at once.

    The reason is an errno of connect(), or ELOOP where the endpoint leads back to its own Service.
    """
    begun = begin(shared, port_name, choice)
    if isinstance(begun, int):
        return begun
    sock, code = begun
    upstream = Upstream(shared, pool, port_name, choice.address, sock)
    upstream.is_connected = not code
    if upstream.is_connected:
        shared.poller.register(upstream.fd, READABLE, upstream)
    return upstream


def begin(shared: HttpShared, port_name: ServicePortName, choice: Choice) -> tuple[socket.socket, int] | int:
    """Return a socket that is connected (0) or being connected (EINPROGRESS), or why it failed at once."""
    target = shared.targets.dial(port_name, choice.endpoint)
    if target is None:
        return errno.ELOOP
    try:
        sock, code = connect(shared.dialler, target)
    except OSError as error:
        return error.errno or errno.EINVAL
    if sock.fileno() >= shared.ceiling:
        code = errno.EMFILE
    if code not in (0, errno.EINPROGRESS):
        sock.close()
        return code
    return sock, code
