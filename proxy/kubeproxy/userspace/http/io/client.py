"""The client's socket: what it sends, what it has not taken yet, and how its connection ends. Decides nothing else."""

from __future__ import annotations

import socket

from kubeproxy.telemetry.outcomes import Outcome, http_error
from kubeproxy.telemetry.recent import RequestRecord
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.io.wire import Conversation, Wire
from kubeproxy.userspace.poller import READABLE, WRITABLE


class Client(Wire):
    """``is_closing``: the client is sent no more than ``unsent``, and what it sends is not understood any more."""

    __slots__ = ("_conversation", "_is_lingering", "has_ended", "is_closed", "is_closing")

    def __init__(self, shared: HttpShared, conversation: Conversation, sock: socket.socket) -> None:
        super().__init__(shared, sock)
        self._conversation = conversation
        self._is_lingering = False
        self.has_ended = False
        self.is_closing = False
        self.is_closed = False
        shared.poller.register(self.fd, READABLE, self)

    def await_events(self, *, can_read: bool) -> None:
        """Wait until something can be read, if ``can_read``, and until what is unsent can be sent."""
        if self.is_closed:
            return
        wanted = WRITABLE if self.unsent else 0
        if (can_read or self.is_closing) and not self.has_ended:
            wanted |= READABLE
        self.ask(wanted)

    def answer(self, status: int, message: bytes, record: RequestRecord) -> None:
        """Send an answer of the proxy's own, and record and count it."""
        if status >= 400:
            self._shared.counters.errors[http_error(status)] += 1
        record.status = status
        record.bytes_to_client += len(message)
        self.send(message)

    def close_after_answer(self, *, lingers: bool) -> None:
        """End once the client has got everything.

        A client that may still be sending is read meanwhile (``lingers``): closing with unread bytes resets, and a
        reset can overtake the answer (RFC 9112 9.6).
        """
        if self.is_closed:
            return
        self.is_closing = True
        self._is_lingering = lingers and not self.has_ended
        if not self.unsent:
            self._shut()
        self.await_events(can_read=True)

    def close(self, *, is_reset: bool = False) -> None:
        """End at once, whether the client has taken everything or not; harmless when it has ended."""
        if not self.is_closed:
            self.is_closed = self.is_closing = True
            self.end(is_reset=is_reset)

    def _read(self) -> None:
        buffer = self._shared.buffer
        try:
            count = self.sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            self._conversation.reset(Outcome.CLIENT_RESET)
            return
        if not count:
            self._on_end()
        elif not self.is_closing:
            self._conversation.on_request_bytes(buffer[:count])

    def _on_end(self) -> None:
        self.has_ended = True
        if self.is_closing and self.unsent:
            self.await_events(can_read=False)
        else:
            self._conversation.on_client_end()

    def _on_stalled(self) -> None:
        self._conversation.set_deadline()

    def _on_drained(self) -> None:
        if self.is_closing:
            self._shut()
        else:
            self._conversation.on_client_drained()
        self.await_events(can_read=bool(self.events & READABLE))

    def _on_send_failed(self) -> None:
        self._conversation.reset(Outcome.CLIENT_RESET)

    def _on_broken(self) -> None:
        if not self.is_closed:
            self._conversation.reset(Outcome.CLIENT_RESET)

    def _shut(self) -> None:
        """Send the client the end of the stream; the connection is over unless the client is read until it ends."""
        if not self._is_lingering or self.has_ended:
            self._conversation.on_client_end()
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._conversation.on_client_end()
            return
        self._conversation.set_deadline()
