"""One client's connection: its requests are given to an endpoint each in its turn, and answered.

``RequestReader`` and ``Exchange`` decide what the bytes mean. One exchange at a time: pipelined requests wait in the
inbox, within a bound, and are answered in order. Whoever is slow stops the other side from being read.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from kubeproxy.http.answers import own_answer
from kubeproxy.http.bodies import BadBody
from kubeproxy.http.client import Client
from kubeproxy.http.exchange import Exchange
from kubeproxy.http.forwarding import forward_request
from kubeproxy.http.heads import BadAnswer, Refused, Request
from kubeproxy.http.requests import RequestReader
from kubeproxy.http.tunnel import Tunnel
from kubeproxy.http.upstream import Upstream, dial
from kubeproxy.poller import READABLE
from kubeproxy.relay import DIAL_TIMEOUTS
from kubeproxy.tcp import REASONS
from kubeproxy.types import Destination, Route, socket_address

if TYPE_CHECKING:
    from kubeproxy.http.front import HttpFront, Port


class Downstream:
    """The connection of the client with the address ``address``."""

    __slots__ = (
        "_address",
        "_client",
        "_destination",
        "_exchange",
        "_front",
        "_is_advancing",
        "_reader",
        "_route",
        "_upstream",
        "port",
    )

    def __init__(
        self, front: HttpFront, port: Port, sock: socket.socket, address: str, destination: Destination, route: Route
    ) -> None:
        self.port = port
        self._front = front
        self._address = address
        self._destination = destination
        self._route = route
        self._client = Client(front, self, sock)
        self._reader = RequestReader(front.config)
        self._exchange: Exchange | None = None
        self._upstream: Upstream | None = None
        self._is_advancing = False
        self._client.wait(front.config.header_seconds)

    @property
    def deadline(self) -> float:
        """When ``expire`` is to be called, in seconds of the front's clock."""
        return self._client.deadline

    def on_dialled(self, code: int) -> None:
        """Tell the endpoint the request, or try another."""
        if code:
            self._upstream = None
            self._note_failure(code)
            self._dispatch()
            self._advance()
        else:
            self._open()
        self._await_events()

    def on_answer(self, received: memoryview) -> None:
        """Pass an answer on."""
        exchange, upstream = self._exchange, self._upstream
        assert exchange is not None
        assert upstream is not None
        assert upstream.counters is not None
        upstream.counters.bytes_to_client += len(received)
        try:
            told = exchange.take_answer(received)
        except BadAnswer as error:
            self._fail(502, f"invalid answer of {upstream.endpoint}: {error}", "bad_answer")
            return
        if told:
            exchange.has_begun = True
            exchange.record.bytes_to_client += len(told)
            self._client.send(told)
            if self._client.is_closed:
                return
        if exchange.is_tunnel:
            self._become_tunnel()
        elif exchange.is_answered:
            self._finish()
            self._advance()
        else:
            self._client.wait(self._front.config.answer_seconds)
        if self._client.unsent:
            self._await_events()

    def on_upstream_end(self, code: int) -> None:
        """Take the end as that of the answer, or ask again, or tell the client that there is none."""
        exchange, upstream = self._exchange, self._upstream
        assert exchange is not None
        assert upstream is not None
        if not code and exchange.end_answer():
            self._finish()
            self._advance()
            return
        was_unread = upstream.is_reused and code in (errno.EPIPE, errno.ECONNRESET)
        if exchange.may_repeat(was_unread=was_unread) and self.port.budget.withdraw(self._front.clock()):
            exchange.repeats += 1
            self._repeat(upstream)
            return
        reason = "reset" if code else "ended"
        if exchange.has_begun:
            self.reset(f"upstream_{reason}")
        else:
            self._fail(502, f"{upstream.endpoint} has {reason} the connection before its answer", f"upstream_{reason}")

    def on_upstream_drained(self) -> None:
        """Go on reading the client."""
        self._await_events()

    def let_go(self) -> None:
        """End after the current answer, at once if there is none to come."""
        if self._exchange is not None:
            self._exchange.is_last = True
        elif not self._reader.inbox and not self._client.unsent:
            self._close()

    def expire(self) -> None:
        """Act on the time-out of what the connection waits for."""
        exchange = self._exchange
        if self._client.is_closing:
            self._close()
        elif self._client.unsent:
            self.reset("client_timeout")
        elif exchange is None:
            if self._reader.inbox:
                self._refuse(Refused(408, "the request's head took too long"))
            else:
                self._close()
        elif not exchange.request_body.is_complete and not (self._upstream and self._upstream.unsent):
            self._fail(408, "the request's body took too long", "client_timeout")
        else:
            self._fail(504, f"no answer of {exchange.endpoint} in time", "upstream_timeout")

    def reset(self, reason: str) -> None:
        """Cut both sides off; ``reason`` is counted as an error."""
        if self._client.is_closed:
            return
        self._front.counters.errors[reason] += 1
        self._end_exchange(reason)
        self._close(is_reset=True)

    def on_received(self, received: memoryview) -> None:
        """Take what the client has said: of its next request, of the body under way, or too early."""
        exchange, reader, upstream = self._exchange, self._reader, self._upstream
        if exchange is None:
            if not reader.inbox:
                self._client.wait(self._front.config.header_seconds)
            reader.inbox += received
            self._advance()
        elif exchange.request_body.is_complete or upstream is None or not upstream.is_connected:
            reader.inbox += received
            self._await_events()
        else:
            self._pass_body(exchange, upstream, received)

    def on_client_end(self) -> None:
        """Take note that the client says no more; it still gets the answers that it is owed."""
        exchange, upstream, client = self._exchange, self._upstream, self._client
        if client.is_closing or (exchange is None and not client.unsent):
            self._close()
        elif exchange is None or exchange.request_body.is_complete or upstream is None or not upstream.is_connected:
            self._await_events()
        else:
            self.reset("client_ended")

    def on_client_drained(self) -> None:
        """Go on after a stall."""
        config = self._front.config
        if self._exchange is None:
            self._client.wait(config.keep_alive_seconds)
            self._advance()
        else:
            self._client.wait(config.answer_seconds)
        self._await_events()

    def _pass_body(self, exchange: Exchange, upstream: Upstream, received: memoryview) -> None:
        try:
            count = exchange.take_request(received)
        except BadBody as error:
            self._fail(400, str(error), "bad_request")
            return
        if count < len(received):
            self._reader.inbox += bytes(received[count:])
        self._count_sent(exchange, upstream, count)
        self._client.wait(
            self._front.config.answer_seconds if exchange.request_body.is_complete else self._front.config.body_seconds
        )
        upstream.send(received[:count])
        if upstream.unsent or self._reader.inbox:
            self._await_events()

    def _advance(self) -> None:
        """Take up requests until one is under way or none is there."""
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._exchange is None and not self._client.is_closing and not self._client.unsent:
            try:
                request = self._reader.next_request() if self._reader.inbox else None
            except Refused as refused:
                self._refuse(refused)
                break
            if request is None:
                if self._client.has_ended:
                    self._close()
                break
            self._begin(request)
        self._is_advancing = False
        self._await_events()

    def _begin(self, request: Request) -> None:
        front = self._front
        record = front.recent.began("http", self._address, self._destination, self._route)
        record.method = request.method.decode()
        record.target = request.target.decode()
        is_last = front.is_draining or self.port.is_gone
        exchange = self._exchange = Exchange(request, record, front.config, is_last=is_last)
        self._client.wait(
            front.config.answer_seconds if exchange.request_body.is_complete else front.config.body_seconds
        )
        self.port.budget.deposit()
        self._dispatch()

    def _dispatch(self) -> None:
        """Find the request an endpoint and a connection to it, as far as that goes without waiting."""
        exchange, front = self._exchange, self._front
        assert exchange is not None
        while exchange.dials < len(DIAL_TIMEOUTS):
            choice = front.load_balancer.next_endpoint(self._route, self._address, exchange.avoid)
            exchange.record.choice = choice
            if choice is None:
                front.counters.errors["no_endpoints"] += 1
                self._fail(503, f"Service {self._route.service} has no endpoints", "no_endpoints")
                return
            address = exchange.endpoint = choice.endpoint.address
            upstream = self.port.pool.take(address)
            if upstream is not None:
                upstream.is_reused = True
                self._attach(upstream)
                self._open()
                return
            exchange.dials += 1
            target = front.network.dial(choice.endpoint.ip, choice.endpoint.port)
            upstream, code = dial(front, self.port, address, target)
            if upstream is None:
                self._note_failure(code)
                continue
            self._attach(upstream)
            if code:
                upstream.await_dial(exchange.dials)
            else:
                self._open()
            return
        is_late = bool(exchange.record.failures) and exchange.record.failures[-1][1] == "connect_timeout"
        self._fail(
            504 if is_late else 502, f"no endpoint of Service {self._route.service} can be reached", "unreachable"
        )

    def _attach(self, upstream: Upstream) -> None:
        upstream.owner = self
        self._upstream = upstream
        counters = self._front.counters
        upstream.counters = counters.endpoint(self._route.service, upstream.endpoint)
        counters.opened(upstream.counters)

    def _note_failure(self, code: int) -> None:
        exchange = self._exchange
        assert exchange is not None
        reason = REASONS.get(code, "connect_failed")
        self._front.counters.errors[reason] += 1
        exchange.record.failed(reason)
        exchange.avoid = (*exchange.avoid, exchange.endpoint)

    def _open(self) -> None:
        """Tell the connected endpoint the request's head and what there is of its body."""
        exchange, upstream = self._exchange, self._upstream
        assert exchange is not None
        assert upstream is not None
        if self.port.shows_endpoint:
            exchange.shown_endpoint = exchange.endpoint
        if not exchange.opening:
            host = socket_address(self._destination.address, self._destination.port).encode()
            head = forward_request(exchange.request, self._address, host)
            try:
                self._reader.inbox = exchange.take_opening(head, self._reader.inbox)
            except BadBody as error:
                self._fail(400, str(error), "bad_request")
                return
        self._count_sent(exchange, upstream, len(exchange.opening))
        upstream.send(exchange.opening)
        if self._client.has_ended and not exchange.request_body.is_complete:
            self.reset("client_ended")

    def _repeat(self, upstream: Upstream) -> None:
        """Say the request again elsewhere; what else is kept to this endpoint is as old as what has failed."""
        exchange = self._exchange
        assert exchange is not None
        exchange.record.failed("ended_before_answer")
        if not upstream.is_reused:
            exchange.avoid = (*exchange.avoid, upstream.endpoint)
        self._upstream = None
        self.port.pool.drop(upstream.endpoint)
        upstream.close()
        self._dispatch()
        self._advance()

    def _count_sent(self, exchange: Exchange, upstream: Upstream, count: int) -> None:
        assert upstream.counters is not None
        upstream.counters.bytes_to_endpoint += count
        exchange.record.bytes_to_endpoint += count

    def _finish(self) -> None:
        """Keep what can be used again after a whole answer, end what cannot."""
        exchange, upstream = self._exchange, self._upstream
        assert exchange is not None
        assert upstream is not None
        self._upstream = self._exchange = None
        if exchange.is_upstream_reusable and not upstream.unsent and not upstream.is_deaf:
            upstream.detach()
            upstream.ask(READABLE)
            self.port.pool.put(upstream, self._front.clock())
        else:
            upstream.close()
        self._front.recent.ended(exchange.record)
        if exchange.is_last:
            self._close_after_answer(lingers=not exchange.request_body.is_complete)
        else:
            self._client.wait(self._front.config.keep_alive_seconds)

    def _fail(self, status: int, reason: str, outcome: str) -> None:
        """Answer in the endpoint's place, or cut the client off if an answer has begun."""
        exchange = self._exchange
        assert exchange is not None
        if exchange.has_begun:
            self.reset(outcome)
            return
        is_last = exchange.is_last or not exchange.request_body.is_complete
        self._front.counters.errors[f"http_{status}"] += 1
        exchange.record.status = status
        message = own_answer(status, reason, method=exchange.request.method, is_last=is_last)
        exchange.record.bytes_to_client += len(message)
        self._end_exchange(outcome)
        self._client.send(message)
        if is_last:
            self._close_after_answer(lingers=not exchange.request_body.is_complete)
        elif not self._client.is_closed:
            self._client.wait(self._front.config.keep_alive_seconds)
            self._advance()

    def _refuse(self, refused: Refused) -> None:
        """Answer what is no request, after which nothing that comes can be understood."""
        front = self._front
        front.counters.errors[f"http_{refused.status}"] += 1
        record = front.recent.began("http", self._address, self._destination, self._route)
        record.status = refused.status
        message = own_answer(refused.status, refused.reason, is_last=True)
        record.bytes_to_client = len(message)
        front.recent.ended(record, "bad_request")
        self._client.send(message)
        self._close_after_answer(lingers=True)

    def _end_exchange(self, outcome: str) -> None:
        exchange, upstream = self._exchange, self._upstream
        self._exchange = self._upstream = None
        if upstream is not None:
            upstream.close(is_reset=True)
        if exchange is not None:
            self._front.recent.ended(exchange.record, outcome)

    def _become_tunnel(self) -> None:
        exchange, upstream = self._exchange, self._upstream
        assert exchange is not None
        assert upstream is not None
        assert upstream.counters is not None
        counters, upstream.counters = upstream.counters, None
        upstream.detach()
        self._exchange = self._upstream = None
        self._client.is_closed = True
        tunnel = Tunnel(
            self._front,
            self._client.sock,
            upstream.sock,
            (self._client.unsent, upstream.unsent + self._reader.inbox),
            counters,
            exchange.record,
        )
        self._front.connections.discard(self)
        self._front.connections.add(tunnel)
        tunnel.start(has_client_ended=self._client.has_ended)

    def _await_events(self) -> None:
        """Ask the poller for what is to be waited for now."""
        client, upstream = self._client, self._upstream
        if upstream is not None and upstream.is_connected:
            upstream.pause(is_paused=bool(client.unsent))
        client.ask(can_read=self._can_read())

    def _can_read(self) -> bool:
        exchange, upstream = self._exchange, self._upstream
        if exchange is None or exchange.request_body.is_complete:
            return len(self._reader.inbox) < self._front.config.pipeline_bytes and not self._client.unsent
        if upstream is None or not upstream.is_connected:
            return len(self._reader.inbox) < self._front.config.pipeline_bytes
        return not upstream.unsent

    def _close_after_answer(self, *, lingers: bool) -> None:
        has_more, self._reader.inbox = bool(self._reader.inbox), b""
        self._client.close_after_answer(lingers=lingers or has_more)

    def _close(self, *, is_reset: bool = False) -> None:
        if not self._client.is_closed:
            self._client.close(is_reset=is_reset)
            self._front.forget(self)
