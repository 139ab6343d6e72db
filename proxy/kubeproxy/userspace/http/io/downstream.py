"""One client's connection: its requests are given to an endpoint each in its turn, and answered.

``RequestReader`` and ``Exchange`` decide what the bytes mean. One exchange at a time: pipelined requests wait in the
inbox, within a bound, and are answered in order. Whoever is slow stops the other side from being read.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from kubeproxy.types import Destination, Route
from kubeproxy.userspace.http.answers import own_answer
from kubeproxy.userspace.http.exchange import Exchange
from kubeproxy.userspace.http.heads import Refused, Request
from kubeproxy.userspace.http.io.client import Client
from kubeproxy.userspace.http.io.delivery import Delivery
from kubeproxy.userspace.http.io.upstream import Upstream
from kubeproxy.userspace.http.requests import RequestReader
from kubeproxy.userspace.poller import READABLE

if TYPE_CHECKING:
    from kubeproxy.userspace.http.io.front import HttpFront, Port


class Downstream:
    """The connection of the client with the address ``address``."""

    __slots__ = (
        "_address",
        "_client",
        "_delivery",
        "_destination",
        "_front",
        "_is_advancing",
        "_reader",
        "_route",
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
        self._delivery = Delivery(front, port, self, self._client, self._reader, address, destination, route)
        self._is_advancing = False
        self._client.wait(front.config.header_seconds)

    @property
    def deadline(self) -> float:
        """When ``expire`` is to be called, in seconds of the front's clock."""
        return self._client.deadline

    def let_go(self) -> None:
        """End after the current answer, at once if there is none to come."""
        if self._delivery.exchange is not None:
            self._delivery.exchange.is_last = True
        elif not self._reader.inbox and not self._client.unsent:
            self._close()

    def expire(self) -> None:
        """Act on the time-out of what the connection waits for."""
        exchange = self._delivery.exchange
        if self._client.is_closing:
            self._close()
        elif self._client.unsent:
            self.reset("client_timeout")
        elif exchange is None:
            if self._reader.inbox:
                self._refuse(Refused(408, "the request's head took too long"))
            else:
                self._close()
        elif not exchange.request_body.is_complete and not self._delivery.is_stalled:
            self.fail(408, "the request's body took too long", "client_timeout")
        else:
            self.fail(504, f"no answer of {exchange.endpoint} in time", "upstream_timeout")

    def reset(self, reason: str) -> None:
        """Cut both sides off; ``reason`` is counted as an error."""
        if self._client.is_closed:
            return
        self._front.counters.errors[reason] += 1
        self._delivery.end(reason)
        self._close(is_reset=True)

    def on_received(self, received: memoryview) -> None:
        """Take what the client has said: of its next request, of the body under way, or too early."""
        reader, delivery = self._reader, self._delivery
        if delivery.exchange is None:
            is_first = not reader.inbox
            reader.inbox += received
            self._advance()
            if is_first and reader.inbox and delivery.exchange is None:
                self._client.wait(self._front.config.header_seconds)
        elif delivery.takes_body:
            delivery.pass_body(received)
        else:
            reader.inbox += received
            self._await_events()

    def on_client_end(self) -> None:
        """Record that the client says no more; it still gets the answers that it is owed."""
        exchange, client = self._delivery.exchange, self._client
        if client.is_closing or (exchange is None and not client.unsent):
            self._close()
        else:
            self._await_events()

    def on_client_drained(self) -> None:
        """Go on after a stall."""
        config = self._front.config
        if self._delivery.exchange is None:
            self._client.wait(config.keep_alive_seconds)
            self._advance()
        else:
            self._client.wait(config.answer_seconds)
        self._await_events()

    def on_progress(self) -> None:
        """Wait anew."""
        exchange, client = self._delivery.exchange, self._client
        if exchange is None:
            self._advance()
            return
        if not client.unsent:
            self._wait_for(exchange)
        self._await_events()

    def on_delivered(self, exchange: Exchange, now: float) -> None:
        """Let the client go, or take up its next request."""
        client = self._client
        if exchange.is_last:
            self._close_after_answer(lingers=not exchange.request_body.is_complete)
            return
        if not client.unsent:
            config = self._front.config
            client.deadline = now + (config.header_seconds if self._reader.inbox else config.keep_alive_seconds)
        # In a steady flow nothing is to be done, and finding that out takes as long as reading a head.
        if self._reader.inbox or client.events != READABLE or client.unsent or client.has_ended:
            self._advance()

    def on_switched(self, exchange: Exchange, upstream: Upstream) -> None:
        """Become a tunnel."""
        client, counters = self._client, upstream.counters
        upstream.owner = None  # without detach: the tunnel counts on
        client.is_closed = True
        front = self._front
        front.poller.unregister(client.fd)
        front.poller.unregister(upstream.fd)
        front.connections.discard(self)
        tunnel = front.tunnels.begin(client.sock, exchange.record)
        unsent = (client.unsent, upstream.unsent + self._reader.inbox)
        tunnel.start_established(upstream.sock, counters, unsent, has_client_ended=client.has_ended)

    def _advance(self) -> None:
        """Take up requests until one is under way or none is there."""
        if self._is_advancing:
            return
        self._is_advancing = True
        client, reader, delivery = self._client, self._reader, self._delivery
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
        upstream = delivery.upstream
        is_stalled = client.unsent or (upstream is not None and upstream.unsent)
        if is_stalled or reader.inbox or client.events != READABLE or client.has_ended:
            self._await_events()

    def _begin(self, request: Request) -> None:
        front, port = self._front, self.port
        record = front.recent.began("http", self._address, self._destination, self._route)
        record.method = request.method.decode()
        record.target = request.target.decode()
        config = front.config
        exchange = Exchange(request, record, config, is_last=front.is_draining or port.is_gone)
        self._client.wait(config.body_seconds if request.length else config.answer_seconds)
        port.budget.deposit()
        self._delivery.begin(exchange)

    def fail(self, status: int, reason: str, outcome: str) -> None:
        """Answer in the endpoint's place, or cut the client off if an answer has begun."""
        exchange = self._delivery.exchange
        assert exchange is not None
        if exchange.has_begun:
            self.reset(outcome)
            return
        is_last = exchange.is_last or not exchange.request_body.is_complete
        self._front.counters.errors[f"http_{status}"] += 1
        exchange.record.status = status
        message = own_answer(status, reason, method=exchange.request.method, is_last=is_last)
        exchange.record.bytes_to_client += len(message)
        self._delivery.end(outcome)
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

    def _await_events(self) -> None:
        """Ask the poller for what is to be waited for now; a client that has ended within its body gets no answer."""
        client, upstream = self._client, self._delivery.upstream
        if client.has_ended and self._delivery.takes_body:
            self.reset("client_ended")
            return
        if upstream is not None and upstream.is_connected:
            upstream.pause(is_paused=bool(client.unsent))
        client.listen(can_read=self._can_read())

    def _can_read(self) -> bool:
        exchange, upstream = self._delivery.exchange, self._delivery.upstream
        if exchange is None or exchange.request_body.is_complete:
            return len(self._reader.inbox) < self._front.config.pipeline_bytes and not self._client.unsent
        if upstream is None or not upstream.is_connected:
            return len(self._reader.inbox) < self._front.config.pipeline_bytes
        return not upstream.unsent

    def _wait_for(self, exchange: Exchange) -> None:
        config = self._front.config
        self._client.wait(config.answer_seconds if exchange.request_body.is_complete else config.body_seconds)

    def _close_after_answer(self, *, lingers: bool) -> None:
        has_more, self._reader.inbox = bool(self._reader.inbox), b""
        self._client.close_after_answer(lingers=lingers or has_more)

    def _close(self, *, is_reset: bool = False) -> None:
        if not self._client.is_closed:
            self._client.close(is_reset=is_reset)
            self._front.forget(self)
