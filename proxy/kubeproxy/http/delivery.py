"""The way of a client's current exchange to an endpoint, and of its answer back. Decides nothing that is written down.

Finds the endpoint and a connection to it, kept or new, and asks again where ``Exchange`` allows it. Lives as long as
the client's connection; what it cannot do is its client's to tell (``Asker``).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol

from kubeproxy.http.bodies import BadBody
from kubeproxy.http.exchange import Exchange
from kubeproxy.http.forwarding import forward_request
from kubeproxy.http.heads import BadAnswer
from kubeproxy.http.requests import RequestReader
from kubeproxy.http.upstream import Upstream, dial
from kubeproxy.poller import READABLE
from kubeproxy.relay import DIAL_TIMEOUTS
from kubeproxy.sockets import REASONS
from kubeproxy.types import Destination, Route, socket_address

if TYPE_CHECKING:
    from kubeproxy.http.front import HttpFront, Port


class Asker(Protocol):
    """The client's side. Each call may end the exchange, and with it the connection."""

    def on_told(self, told: bytes | memoryview) -> None:
        """Pass a piece of the answer on."""
        ...

    def on_delivered(self, exchange: Exchange) -> None:
        """Go on after a whole answer."""
        ...

    def on_switched(self, exchange: Exchange, upstream: Upstream) -> None:
        """Make a tunnel of the connection and ``upstream``, with its counters, after 101."""
        ...

    def on_progress(self) -> None:
        """Wait anew, and for other events, because the endpoint has taken or begun something."""
        ...

    def fail(self, status: int, reason: str, outcome: str) -> None:
        """Answer in the endpoint's place, or cut the client off if an answer has begun."""
        ...

    def reset(self, reason: str) -> None:
        """Cut the client off."""
        ...


class Delivery:
    """``exchange`` is None between exchanges, ``upstream`` until there is a connection, which may be being dialled."""

    __slots__ = ("_address", "_asker", "_front", "_host", "_port", "_reader", "_route", "exchange", "upstream")

    def __init__(
        self,
        front: HttpFront,
        port: Port,
        asker: Asker,
        reader: RequestReader,
        address: str,
        destination: Destination,
        route: Route,
    ) -> None:
        self._front = front
        self._port = port
        self._asker = asker
        self._reader = reader
        self._address = address
        self._host = socket_address(destination.address, destination.port).encode()
        self._route = route
        self.exchange: Exchange | None = None
        self.upstream: Upstream | None = None

    @property
    def takes_body(self) -> bool:
        """Whether what the client says now is the body of the exchange and can be passed on."""
        exchange, upstream = self.exchange, self.upstream
        return (
            exchange is not None
            and not exchange.request_body.is_complete
            and upstream is not None
            and upstream.is_connected
        )

    @property
    def is_stalled(self) -> bool:
        """Whether the endpoint is slow to take what it is sent."""
        return self.upstream is not None and bool(self.upstream.unsent)

    def begin(self, exchange: Exchange) -> None:
        """Give an exchange to an endpoint."""
        self.exchange = exchange
        self._dispatch()

    def end(self, outcome: str) -> None:
        """Give the exchange up, if there is one; its endpoint is cut off."""
        exchange, upstream = self.exchange, self.upstream
        self.exchange = self.upstream = None
        if upstream is not None:
            upstream.close(is_reset=True)
        if exchange is not None:
            self._front.recent.ended(exchange.record, outcome)

    def pass_body(self, received: memoryview) -> None:
        """Pass on what ``takes_body``; what does not belong to it is left to the reader."""
        exchange, upstream = self._current()
        try:
            count = exchange.take_request(received)
        except BadBody as error:
            self._asker.fail(400, str(error), "bad_request")
            return
        if count < len(received):
            self._reader.inbox += bytes(received[count:])
        self._count_sent(exchange, upstream, count)
        upstream.send(received[:count])
        self._asker.on_progress()

    def on_dialled(self, code: int) -> None:
        """Tell the endpoint the request, or try another."""
        if code:
            self.upstream = None
            self._note_failure(code)
            self._dispatch()
        else:
            self._open()
        self._asker.on_progress()

    def on_answer(self, received: memoryview) -> None:
        """Pass an answer on."""
        exchange, upstream = self._current()
        assert upstream.counters is not None
        upstream.counters.bytes_to_client += len(received)
        try:
            told = exchange.take_answer(received)
        except BadAnswer as error:
            self._asker.fail(502, f"invalid answer of {upstream.endpoint}: {error}", "bad_answer")
            return
        if told:
            exchange.has_begun = True
            exchange.record.bytes_to_client += len(told)
            self._asker.on_told(told)
            if self.exchange is not exchange:
                return
        if exchange.is_tunnel:
            self.exchange = self.upstream = None
            self._asker.on_switched(exchange, upstream)
        elif exchange.is_answered:
            self._finish()
        else:
            self._asker.on_progress()

    def on_upstream_end(self, code: int) -> None:
        """Take the end as that of the answer, or ask again, or tell the client that there is none."""
        exchange, upstream = self._current()
        if not code and exchange.end_answer():
            self._finish()
            return
        was_unread = upstream.is_reused and code in (errno.EPIPE, errno.ECONNRESET)
        if exchange.may_repeat(was_unread=was_unread) and self._port.budget.withdraw(self._front.clock()):
            exchange.repeats += 1
            self._repeat(upstream)
            return
        reason = "reset" if code else "ended"
        if exchange.has_begun:
            self._asker.reset(f"upstream_{reason}")
        else:
            self._asker.fail(
                502, f"{upstream.endpoint} has {reason} the connection before its answer", f"upstream_{reason}"
            )

    def on_upstream_drained(self) -> None:
        """Go on reading the client."""
        self._asker.on_progress()

    def _dispatch(self) -> None:
        """Find the request an endpoint and a connection to it, as far as that goes without waiting."""
        exchange, front = self.exchange, self._front
        assert exchange is not None
        while exchange.dials < len(DIAL_TIMEOUTS):
            choice = front.load_balancer.next_endpoint(self._route, self._address, exchange.avoid)
            exchange.record.choice = choice
            if choice is None:
                front.counters.errors["no_endpoints"] += 1
                self._asker.fail(503, f"Service {self._route.service} has no endpoints", "no_endpoints")
                return
            address = exchange.endpoint = choice.endpoint.address
            upstream = self._port.pool.take(address)
            if upstream is not None:
                upstream.is_reused = True
                self._attach(upstream)
                self._open()
                return
            exchange.dials += 1
            target = front.network.dial(choice.endpoint.ip, choice.endpoint.port)
            upstream, code = dial(front, self._port, address, target)
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
        self._asker.fail(
            504 if is_late else 502, f"no endpoint of Service {self._route.service} can be reached", "unreachable"
        )

    def _attach(self, upstream: Upstream) -> None:
        upstream.owner = self
        self.upstream = upstream
        counters = self._front.counters
        upstream.counters = counters.endpoint(self._route.service, upstream.endpoint)
        counters.opened(upstream.counters)

    def _note_failure(self, code: int) -> None:
        exchange = self.exchange
        assert exchange is not None
        reason = REASONS.get(code, "connect_failed")
        self._front.counters.errors[reason] += 1
        exchange.record.failed(reason)
        exchange.avoid = (*exchange.avoid, exchange.endpoint)

    def _open(self) -> None:
        """Tell the connected endpoint the request's head and what there is of its body."""
        exchange, upstream = self._current()
        if self._port.shows_endpoint:
            exchange.shown_endpoint = exchange.endpoint
        if not exchange.opening:
            head = forward_request(exchange.request, self._address, self._host)
            try:
                self._reader.inbox = exchange.take_opening(head, self._reader.inbox)
            except BadBody as error:
                self._asker.fail(400, str(error), "bad_request")
                return
        self._count_sent(exchange, upstream, len(exchange.opening))
        upstream.send(exchange.opening)

    def _repeat(self, upstream: Upstream) -> None:
        """Say the request again elsewhere; what else is kept to this endpoint is as old as what has failed."""
        exchange = self.exchange
        assert exchange is not None
        exchange.record.failed("ended_before_answer")
        if not upstream.is_reused:
            exchange.avoid = (*exchange.avoid, upstream.endpoint)
        self.upstream = None
        self._port.pool.drop(upstream.endpoint)
        upstream.close()
        self._dispatch()
        self._asker.on_progress()

    def _count_sent(self, exchange: Exchange, upstream: Upstream, count: int) -> None:
        assert upstream.counters is not None
        upstream.counters.bytes_to_endpoint += count
        exchange.record.bytes_to_endpoint += count

    def _finish(self) -> None:
        """Keep what can be used again after a whole answer, end what cannot."""
        exchange, upstream = self._current()
        self.upstream = self.exchange = None
        if exchange.is_upstream_reusable and not upstream.unsent and not upstream.is_deaf:
            upstream.detach()
            upstream.ask(READABLE)
            self._port.pool.put(upstream, self._front.clock())
        else:
            upstream.close()
        self._front.recent.ended(exchange.record)
        self._asker.on_delivered(exchange)

    def _current(self) -> tuple[Exchange, Upstream]:
        exchange, upstream = self.exchange, self.upstream
        assert exchange is not None
        assert upstream is not None
        return exchange, upstream
