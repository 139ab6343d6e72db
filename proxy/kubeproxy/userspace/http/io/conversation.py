"""One client's connection: its requests are given to an endpoint each in its turn, and answered.

One exchange at a time: pipelined requests wait in the inbox, within a bound. A slow peer stops the other's reading.
"""

from __future__ import annotations

import socket

from kubeproxy.http.heads import BadAnswer, Refused
from kubeproxy.http.requesthead import Request
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.userspace.http.answers import own_answer
from kubeproxy.userspace.http.config import Wait
from kubeproxy.userspace.http.exchange import Exchange, Progress
from kubeproxy.userspace.http.io.client import Client
from kubeproxy.userspace.http.io.delivery import Delivery, Failure
from kubeproxy.userspace.http.io.port import Origin, Port
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.requests import RequestReader
from kubeproxy.userspace.poller import READABLE

# Globals, because Python 3.11 calls a function for each member that is looked up in its enumeration.
_HEAD, _REQUEST, _BODY, _ANSWER, _TAKE, _END = Wait
_ANSWERING, _ANSWERED, _SWITCHED = Progress.ANSWERING, Progress.ANSWERED, Progress.SWITCHED


class HttpConversation:
    """Owns the client's socket. ``deadline``, in seconds of the clock, is when ``expire`` is to be called."""

    __slots__ = ("_is_advancing", "_origin", "_reader", "_shared", "client", "deadline", "delivery", "port")

    def __init__(self, shared: HttpShared, port: Port, sock: socket.socket, origin: Origin) -> None:
        self.port, self._origin, self._shared = port, origin, shared
        self.deadline = shared.clock() + shared.waits[_HEAD]
        self._reader = RequestReader(shared.config)
        self._is_advancing = False
        self.delivery = Delivery(shared, port, origin, self._reader)
        self.client = Client(shared, self, sock)

    def let_go(self) -> None:
        """End after the current answer, at once if there is none to come."""
        if self.delivery.exchange is not None:
            self.delivery.exchange.is_last = True
        elif not self._reader.inbox and not self.client.unsent:
            self._close()

    def expire(self) -> None:
        """Stop waiting (see ``set_deadline``): close an idle connection, answer 408 or 504, or reset."""
        is_idle = self.delivery.exchange is None
        if self.client.is_closing or (is_idle and not self.client.unsent and not self._reader.inbox):
            self._close()
        elif self.client.unsent:
            self.reset(Outcome.CLIENT_TIMEOUT)
        elif is_idle:
            self._refuse(Refused(408, "the request's head took too long"))
        else:
            self._fail(self.delivery.timeout())

    def reset(self, reason: str) -> None:
        """Cut both sides off; ``reason`` is counted as an error."""
        if not self.client.is_closed:
            self._shared.counters.errors[reason] += 1
            self.delivery.give_up(reason)
            self._close(is_reset=True)

    def on_request_bytes(self, received: memoryview) -> None:
        """Take what the client has sent: of its next request, of the body under way, or too early."""
        reader, delivery = self._reader, self.delivery
        if delivery.exchange is None:
            is_first = not reader.inbox
            reader.inbox += received
            self._advance()
            if is_first and reader.inbox and delivery.exchange is None:
                self.set_deadline()
        elif not delivery.takes_body():
            reader.inbox += received
            self._await_events()
        elif (failure := delivery.send_body(received)) is not None:
            self._fail(failure)
        else:
            self.go_on()

    def on_client_end(self) -> None:
        """Record that the client sends no more; it still gets the answers that it is owed."""
        client = self.client
        if client.is_closing or (self.delivery.exchange is None and not client.unsent):
            self._close()
        else:
            self._await_events()

    def on_client_drained(self) -> None:
        """Continue: the client has taken everything, so the endpoint and the next request are read again."""
        self.set_deadline()
        if self.delivery.exchange is None:
            self._advance()
        self._await_events()

    def on_dialled(self, code: int) -> None:
        """Send the endpoint the request, or try another."""
        self._fail(self.delivery.dial_failed(code, self) if code else self.delivery.open(*self.delivery.current()))
        self.go_on()

    def on_answer_bytes(self, received: memoryview) -> None:
        """Pass an answer on."""
        delivery = self.delivery
        exchange, upstream = delivery.exchange, delivery.upstream
        assert exchange is not None and upstream is not None
        try:
            told = exchange.take_answer(received, upstream.reader)
        except BadAnswer as error:
            self._fail(delivery.answer_failed(error))
            return
        if told:
            exchange.record.bytes_to_client += len(told)
            self.client.send(told)
            if delivery.exchange is not exchange:
                return
        if exchange.progress is _ANSWERED:
            self._finish(exchange)
        elif exchange.progress is _SWITCHED:
            self._switch()
        else:
            self.go_on()

    def on_upstream_end(self, code: int) -> None:
        """Take the end as that of the answer, or send the request again, or tell the client that there is no answer."""
        exchange, _ = self.delivery.current()
        if not code and exchange.end_answer():
            self._finish(exchange)
        else:
            self._fail(self.delivery.upstream_failed(code, self))
            self.go_on()

    def go_on(self) -> None:
        """Wait anew, because the endpoint has taken or begun something."""
        if self.delivery.exchange is None:
            self._advance()
            return
        if not self.client.unsent:
            self.set_deadline()
        self._await_events()

    def set_deadline(self) -> None:
        """Set the deadline of what is waited for now."""
        client, exchange = self.client, self.delivery.exchange
        if client.unsent or client.is_closing:
            wait = _TAKE if client.unsent else _END
        elif exchange is None:
            wait = _HEAD if self._reader.inbox else _REQUEST
        else:
            wait = _ANSWER if exchange.request_body.is_complete else _BODY
        self.deadline = self._shared.clock() + self._shared.waits[wait]

    def _advance(self) -> None:
        """Take up requests until one is under way or none is there."""
        if self._is_advancing:
            return
        self._is_advancing = True
        client, reader, delivery = self.client, self._reader, self.delivery
        while delivery.exchange is None and not client.is_closing and not client.unsent:
            try:
                request = reader.next_request() if reader.inbox else None
            except Refused as refused:
                self._refuse(refused)
                break
            if request is None:
                if client.has_ended:
                    self._close()
                break
            self._begin(request)
        self._is_advancing = False
        is_stalled = client.unsent or (delivery.upstream is not None and delivery.upstream.unsent)
        if is_stalled or reader.inbox or client.events != READABLE or client.has_ended:
            self._await_events()

    def _begin(self, request: Request) -> None:
        shared, port = self._shared, self.port
        record = shared.recent.began_request(*self._origin)
        record.method, record.target = request.method.decode(), request.target.decode()
        exchange = Exchange(request, record, shared.config, is_last=shared.is_draining or port.is_gone)
        self.deadline = shared.clock() + shared.waits[_BODY if request.length else _ANSWER]
        port.budget.deposit()
        if (failure := self.delivery.begin(exchange, self)) is not None:
            self._fail(failure)

    def _finish(self, exchange: Exchange) -> None:
        """After a whole answer close the client's connection, if it was the last, or take its next request."""
        client, now = self.client, self._shared.clock()
        self.delivery.finish(now)
        if exchange.is_last:
            self._close_after_answer(lingers=not exchange.request_body.is_complete)
            return
        if not client.unsent:
            self.deadline = now + self._shared.waits[_HEAD if self._reader.inbox else _REQUEST]
        # In a steady flow nothing is to be done, and finding that out takes as long as reading a head.
        if self._reader.inbox or client.events != READABLE or client.unsent or client.has_ended:
            self._advance()

    def _switch(self) -> None:
        """Hand both sockets to a tunnel, which keeps the record and the counters of this connection."""
        client, (exchange, upstream) = self.client, self.delivery.hand_over()
        client.is_closed = True
        unsent = (client.unsent, upstream.unsent + self._reader.inbox)
        tunnel = self._shared.tunnels.begin(client.sock, upstream.sock, exchange.record)
        tunnel.start_established(upstream.sock, upstream.counters, unsent, has_client_ended=client.has_ended)
        self._shared.over(self)

    def _fail(self, failure: Failure | None) -> None:
        """If there is a failure, answer in the endpoint's place, or cut the client off if an answer has begun."""
        exchange = self.delivery.exchange
        if failure is None or exchange is None:
            return
        if exchange.progress >= _ANSWERING:
            self.reset(failure.outcome)
            return
        is_last = exchange.is_last or not exchange.request_body.is_complete
        self.delivery.give_up(failure.outcome)
        status, reason, _, location = failure
        message = own_answer(status, reason, method=exchange.request.method, is_last=is_last, location=location)
        self.client.answer(status, message, exchange.record)
        if is_last:
            self._close_after_answer(lingers=not exchange.request_body.is_complete)
        elif not self.client.is_closed:
            self.set_deadline()
            self._advance()

    def _refuse(self, refused: Refused) -> None:
        """Answer what is no request, after which nothing that comes can be understood."""
        record = self._shared.recent.began_request(*self._origin)
        self._shared.recent.ended(record, Outcome.BAD_REQUEST)
        self.client.answer(refused.status, own_answer(refused.status, refused.reason, is_last=True), record)
        self._close_after_answer(lingers=True)

    def _await_events(self) -> None:
        """Ask the poller for what is to be waited for now; a client that has ended within its body gets no answer."""
        client = self.client
        if client.has_ended and self.delivery.takes_body():
            self.reset(Outcome.CLIENT_ENDED)
        else:
            client.await_events(can_read=self.delivery.pace(is_client_slow=bool(client.unsent)))

    def _close_after_answer(self, *, lingers: bool) -> None:
        has_more, self._reader.inbox = bool(self._reader.inbox), b""
        self.client.close_after_answer(lingers=lingers or has_more)

    def _close(self, *, is_reset: bool = False) -> None:
        if not self.client.is_closed:
            self.client.close(is_reset=is_reset)
            self._shared.over(self)
