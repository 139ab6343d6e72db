"""The way of a client's current exchange to an endpoint, and of its answer back. Decides nothing that is written down.

Finds the endpoint and a connection to it, kept or new, and asks again where ``Exchange`` allows it. Lives as long as
the client's connection; what it cannot do is its client's to tell (``Asker``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kubehost.addresses import join_host_port
from kubeproxy.outcomes import CONNECT_OUTCOMES, Outcome
from kubeproxy.types import Choice, Destination, Route
from kubeproxy.userspace.http.bodies import BadBody
from kubeproxy.userspace.http.exchange import Exchange
from kubeproxy.userspace.http.forwarding import forward_request
from kubeproxy.userspace.http.heads import BadAnswer, Request
from kubeproxy.userspace.http.io.client import Client
from kubeproxy.userspace.http.io.upstream import Upstream, dial
from kubeproxy.userspace.http.requests import RequestReader
from kubeproxy.userspace.http.retries import IDEMPOTENT
from kubeproxy.userspace.poller import READABLE
from kubeproxy.userspace.tcp.relay import DIAL_TIMEOUTS

if TYPE_CHECKING:
    from kubeproxy.userspace.http.io.front import HttpFront, Port


class Asker(Protocol):
    """The client's side. Each call may end the exchange, and with it the connection."""

    def on_delivered(self, exchange: Exchange, now: float) -> None:
        """Go on after a whole answer, at ``now`` of the front's clock."""
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
    """``exchange`` is None between exchanges, ``upstream`` until there is a connection, which may be being dialled.

    ``client`` is told the answers.
    """

    __slots__ = (
        "_address",
        "_asked",
        "_asker",
        "_client",
        "_forwarded_for",
        "_front",
        "_head",
        "_host",
        "_port",
        "_reader",
        "_route",
        "exchange",
        "upstream",
    )

    def __init__(
        self,
        front: HttpFront,
        port: Port,
        asker: Asker,
        client: Client,
        reader: RequestReader,
        address: str,
        destination: Destination,
        route: Route,
    ) -> None:
        self._front = front
        self._port = port
        self._asker = asker
        self._client = client
        self._reader = reader
        self._address = address
        self._forwarded_for = address.encode()
        self._host = join_host_port(destination.address, destination.port).encode()
        self._route = route
        self._asked: Request | None = None
        self._head = b""
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
        """Find the request an endpoint and a connection to it, as far as that goes without waiting."""
        front, pool = self._front, self._port.pool
        self.exchange = exchange
        while exchange.dials < len(DIAL_TIMEOUTS):
            choice = self._choose(exchange)
            exchange.record.choice = choice
            if choice is None:
                front.counters.errors["no_endpoints"] += 1
                self._asker.fail(503, f"Service {self._route.port_name} has no endpoints", "no_endpoints")
                return
            address = exchange.endpoint = choice.address
            upstream = pool.take(address)
            if exchange.request.method not in IDEMPOTENT:
                # It could not be said again, so no connection gets it of which the kernel knows that it has ended.
                while upstream is not None and not upstream.is_alive:
                    upstream.close()
                    upstream = pool.take(address)
            code = 0
            if upstream is None:
                exchange.dials += 1
                upstream, code = dial(front, self._port, choice)
                if upstream is None:
                    self._note_failure(exchange, code)
                    continue
            self.upstream = upstream
            upstream.attach(self)
            if code:
                upstream.await_dial(exchange.dials)
            else:
                self._open(exchange, upstream)
            return
        is_late = bool(exchange.record.failures) and exchange.record.failures[-1][1] == "connect_timeout"
        self._asker.fail(
            504 if is_late else 502, f"no endpoint of Service {self._route.port_name} can be reached", "unreachable"
        )

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
        upstream.counters.bytes_to_endpoint += count
        exchange.record.bytes_to_endpoint += count
        upstream.send(received[:count])
        self._asker.on_progress()

    def on_dialled(self, code: int) -> None:
        """Tell the endpoint the request, or try another."""
        exchange, upstream = self._current()
        if code:
            self.upstream = None
            self._note_failure(exchange, code)
            self.begin(exchange)
        else:
            self._open(exchange, upstream)
        self._asker.on_progress()

    def on_answer(self, received: memoryview) -> None:
        """Pass an answer on."""
        exchange, upstream = self._current()
        upstream.counters.bytes_to_client += len(received)
        try:
            told = exchange.take_answer(received, upstream.reader)
        except BadAnswer as error:
            self._asker.fail(502, f"invalid answer of {upstream.endpoint}: {error}", "bad_answer")
            return
        if told:
            exchange.has_begun = True
            exchange.record.bytes_to_client += len(told)
            self._client.send(told)
            if self.exchange is not exchange:
                return
        if exchange.is_answered:
            self._finish(exchange, upstream)
        elif exchange.is_tunnel:
            self.exchange = self.upstream = None
            self._asker.on_switched(exchange, upstream)
        else:
            self._asker.on_progress()

    def on_upstream_end(self, code: int) -> None:
        """Take the end as that of the answer, or ask again, or tell the client that there is none."""
        exchange, upstream = self._current()
        if not code and exchange.end_answer():
            self._finish(exchange, upstream)
            return
        if exchange.may_repeat() and self._port.budget.withdraw(self._front.clock()):
            exchange.repeats += 1
            self._repeat(exchange, upstream)
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

    def _choose(self, exchange: Exchange) -> Choice | None:
        balancer = self._front.load_balancer
        choice = balancer.next_endpoint(self._route, self._address, exchange.avoid)
        if choice is None and (detour := balancer.detour(self._route)) is not None:
            choice = balancer.next_endpoint(detour, self._address, exchange.avoid)
        return choice

    def _note_failure(self, exchange: Exchange, code: int) -> None:
        reason = CONNECT_OUTCOMES.get(code, Outcome.CONNECT_FAILED)
        self._front.counters.errors[reason] += 1
        exchange.record.failed(reason)
        exchange.avoid = (*exchange.avoid, exchange.endpoint)

    def _open(self, exchange: Exchange, upstream: Upstream) -> None:
        """Tell the connected endpoint the request's head and what there is of its body."""
        if self._port.shows_endpoint:
            exchange.shown_endpoint = exchange.endpoint
        if not exchange.opening:
            request = exchange.request
            if request is not self._asked:
                self._head = forward_request(request, self._forwarded_for, self._host)
                self._asked = request
            try:
                self._reader.inbox = exchange.take_opening(self._head, self._reader.inbox)
            except BadBody as error:
                self._asker.fail(400, str(error), "bad_request")
                return
        opening = exchange.opening
        upstream.counters.bytes_to_endpoint += len(opening)
        exchange.record.bytes_to_endpoint += len(opening)
        upstream.send(opening)
        if not upstream.is_deaf:
            exchange.was_told = True

    def _repeat(self, exchange: Exchange, upstream: Upstream) -> None:
        """Say the request again elsewhere; what else is kept to this endpoint is as old as what has failed."""
        exchange.record.failed("ended_before_answer")
        if not upstream.is_reused:
            exchange.avoid = (*exchange.avoid, upstream.endpoint)
        self.upstream = None
        self._port.pool.drop(upstream.endpoint)
        upstream.close()
        self.begin(exchange)
        self._asker.on_progress()

    def _finish(self, exchange: Exchange, upstream: Upstream) -> None:
        """Keep what can be used again after a whole answer, end what cannot."""
        self.upstream = self.exchange = None
        now = self._front.clock()
        is_over = exchange.is_kept_alive and exchange.request_body.is_complete
        if is_over and not upstream.unsent and not upstream.is_deaf:
            upstream.detach()
            upstream.is_reused = True
            if upstream.events != READABLE:
                upstream.ask(READABLE)
            self._port.pool.put(upstream, now)
        else:
            upstream.close()
        self._front.recent.ended(exchange.record)
        self._asker.on_delivered(exchange, now)

    def _current(self) -> tuple[Exchange, Upstream]:
        exchange, upstream = self.exchange, self.upstream
        assert exchange is not None
        assert upstream is not None
        return exchange, upstream
