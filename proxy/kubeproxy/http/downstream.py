"""One client's connection: requests are read, given to an endpoint each in its turn, and answered. Sockets only.

``RequestReader`` and ``Exchange`` decide what the bytes mean. One exchange at a time: pipelined requests wait in the
inbox, within a bound, and are answered in order. Whoever is slow stops the other side from being read.
"""

from __future__ import annotations

import errno
import socket
from math import inf
from typing import TYPE_CHECKING

from kubeproxy.http.answers import own_answer
from kubeproxy.http.bodies import BadBody
from kubeproxy.http.exchange import Exchange
from kubeproxy.http.forwarding import forward_request
from kubeproxy.http.heads import BadAnswer, Refused, Request
from kubeproxy.http.requests import RequestReader
from kubeproxy.http.tunnel import Tunnel
from kubeproxy.http.upstream import Upstream, dial
from kubeproxy.poller import BROKEN, READABLE, WRITABLE
from kubeproxy.relay import DIAL_TIMEOUTS
from kubeproxy.tcp import REASONS, RESET_ON_CLOSE
from kubeproxy.types import Destination, Route, socket_address

if TYPE_CHECKING:
    from kubeproxy.http.front import HttpFront, Port


class Downstream:
    """``deadline`` is when ``expire`` is to be called. ``unsent`` is what the client has not taken yet."""

    __slots__ = (
        "_client",
        "_destination",
        "_events",
        "_exchange",
        "_fd",
        "_front",
        "_has_ended",
        "_is_advancing",
        "_is_closed",
        "_is_closing",
        "_is_lingering",
        "_reader",
        "_route",
        "_sock",
        "_unsent",
        "_upstream",
        "deadline",
        "port",
    )

    def __init__(
        self, front: HttpFront, port: Port, sock: socket.socket, client: str, destination: Destination, route: Route
    ) -> None:
        self.port = port
        self.deadline = inf
        self._front = front
        self._sock = sock
        self._fd = sock.fileno()
        self._client = client
        self._destination = destination
        self._route = route
        self._reader = RequestReader(front.config)
        self._events = READABLE
        self._exchange: Exchange | None = None
        self._upstream: Upstream | None = None
        self._unsent = b""
        self._has_ended = False
        self._is_advancing = False
        self._is_closed = False
        self._is_closing = False
        self._is_lingering = False

    def start(self) -> None:
        """Begin to read."""
        self._front.poller.register(self._fd, READABLE, self)
        self._wait(self._front.config.header_seconds)

    def on_event(self, events: int) -> None:
        """Act on the poller's word."""
        if self._events & WRITABLE and events & (WRITABLE | BROKEN):
            self._flush()
        if self._events & READABLE and events & (READABLE | BROKEN):
            self._read()
        elif events & BROKEN and not self._is_closed:
            self.reset("client_reset")

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
            self._send(told)
            if self._is_closed:
                return
        if exchange.is_tunnel:
            self._become_tunnel()
        elif exchange.is_answered:
            self._finish()
            self._advance()
        else:
            self._wait(self._front.config.answer_seconds)
        if self._unsent:
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
        elif not self._reader.inbox and not self._unsent and not self._is_lingering:
            self._close()

    def expire(self) -> None:
        """Act on the time-out of what the connection waits for."""
        exchange = self._exchange
        if self._is_closing:
            self._close()
        elif self._unsent:
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
        if self._is_closed:
            return
        self._front.counters.errors[reason] += 1
        self._end_exchange(reason)
        self._close(is_reset=True)

    def _read(self) -> None:
        front, exchange, reader = self._front, self._exchange, self._reader
        buffer = front.buffer
        try:
            count = self._sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            self.reset("client_reset")
            return
        if not count:
            self._on_end()
        elif self._is_closing:
            return
        elif exchange is None:
            if not reader.inbox:
                self._wait(front.config.header_seconds)
            reader.inbox += bytes(buffer[:count])
            self._advance()
        elif exchange.request_body.is_complete or self._upstream is None or not self._upstream.is_connected:
            reader.inbox += bytes(buffer[:count])
            self._await_events()
        else:
            self._pass_body(exchange, self._upstream, buffer[:count])

    def _pass_body(self, exchange: Exchange, upstream: Upstream, received: memoryview) -> None:
        try:
            count = exchange.take_request(received)
        except BadBody as error:
            self._fail(400, str(error), "bad_request")
            return
        if count < len(received):
            self._reader.inbox += bytes(received[count:])
        self._count_sent(exchange, upstream, count)
        self._wait(
            self._front.config.answer_seconds if exchange.request_body.is_complete else self._front.config.body_seconds
        )
        upstream.send(received[:count])
        if upstream.unsent or self._reader.inbox:
            self._await_events()

    def _on_end(self) -> None:
        """Take note that the client says no more; it still gets the answers that it is owed."""
        self._has_ended = True
        exchange = self._exchange
        if self._is_closing:
            self._close()
        elif exchange is None:
            if self._unsent:
                self._close_after_answer()
            else:
                self._close()
        elif exchange.request_body.is_complete or (self._upstream is None or not self._upstream.is_connected):
            self._await_events()
        else:
            self.reset("client_ended")

    def _advance(self) -> None:
        """Take up requests until one is under way or none is there."""
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._exchange is None and not self._is_closing and not self._unsent:
            try:
                request = self._reader.next_request() if self._reader.inbox else None
            except Refused as refused:
                self._refuse(refused)
                break
            if request is None:
                if self._has_ended:
                    self._close()
                break
            self._begin(request)
        self._is_advancing = False
        self._await_events()

    def _begin(self, request: Request) -> None:
        front = self._front
        record = front.recent.began("http", self._client, self._destination, self._route)
        record.method = request.method.decode()
        record.target = request.target.decode()
        is_last = front.is_draining or self.port.is_gone
        exchange = self._exchange = Exchange(request, record, front.config, is_last=is_last)
        self._wait(front.config.answer_seconds if exchange.request_body.is_complete else front.config.body_seconds)
        self.port.budget.deposit()
        self._dispatch()

    def _dispatch(self) -> None:
        """Find the request an endpoint and a connection to it, as far as that goes without waiting."""
        exchange, front = self._exchange, self._front
        assert exchange is not None
        while exchange.dials < len(DIAL_TIMEOUTS):
            choice = front.load_balancer.next_endpoint(self._route, self._client, exchange.avoid)
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
            head = forward_request(exchange.request, self._client, host)
            try:
                self._reader.inbox = exchange.take_opening(head, self._reader.inbox)
            except BadBody as error:
                self._fail(400, str(error), "bad_request")
                return
        self._count_sent(exchange, upstream, len(exchange.opening))
        upstream.send(exchange.opening)
        if self._has_ended and not exchange.request_body.is_complete:
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
            self._wait(self._front.config.keep_alive_seconds)

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
        self._send(message)
        if is_last:
            self._close_after_answer(lingers=not exchange.request_body.is_complete)
        elif not self._is_closed:
            self._wait(self._front.config.keep_alive_seconds)
            self._advance()

    def _refuse(self, refused: Refused) -> None:
        """Answer what is no request, after which nothing that comes can be understood."""
        front = self._front
        front.counters.errors[f"http_{refused.status}"] += 1
        record = front.recent.began("http", self._client, self._destination, self._route)
        record.status = refused.status
        message = own_answer(refused.status, refused.reason, is_last=True)
        record.bytes_to_client = len(message)
        front.recent.ended(record, "bad_request")
        self._send(message)
        self._close_after_answer(lingers=True)

    def _end_exchange(self, outcome: str) -> None:
        exchange, upstream = self._exchange, self._upstream
        self._exchange = self._upstream = None
        if upstream is not None:
            upstream.close(is_reset=True)
        if exchange is not None:
            self._front.recent.ended(exchange.record, outcome)

    def _send(self, message: bytes | memoryview) -> None:
        if self._is_closed:
            return
        if self._unsent:
            self._unsent += message
            return
        try:
            sent = self._sock.send(message)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.reset("client_reset")
            return
        if sent < len(message):
            self._unsent = bytes(message[sent:])
            self._wait(self._front.config.send_seconds)

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.reset("client_reset")
            return
        self._unsent = self._unsent[sent:]
        self._wait(self._front.config.send_seconds if self._unsent else self._front.config.answer_seconds)
        if self._unsent:
            return
        if self._is_closing:
            self._shut()
        elif self._exchange is None:
            self._wait(self._front.config.keep_alive_seconds)
            self._advance()
        self._await_events()

    def _close_after_answer(self, *, lingers: bool = False) -> None:
        """End once the client has got everything.

        It is listened to meanwhile when it may still be sending: closing with unread bytes resets, and a reset can
        overtake the answer (RFC 9112 9.6).
        """
        if self._is_closed:
            return
        self._is_closing = True
        self._is_lingering = (lingers or bool(self._reader.inbox)) and not self._has_ended
        self._reader.inbox = b""
        if not self._unsent:
            self._shut()
        self._await_events()

    def _shut(self) -> None:
        if not self._is_lingering:
            self._close()
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close()
            return
        self._wait(self._front.config.linger_seconds)

    def _become_tunnel(self) -> None:
        exchange, upstream = self._exchange, self._upstream
        assert exchange is not None
        assert upstream is not None
        assert upstream.counters is not None
        counters, upstream.counters = upstream.counters, None
        upstream.detach()
        self._exchange = self._upstream = None
        self._is_closed = True
        tunnel = Tunnel(
            self._front,
            self._sock,
            upstream.sock,
            (self._unsent, upstream.unsent + self._reader.inbox),
            counters,
            exchange.record,
        )
        self._front.connections.discard(self)
        self._front.connections.add(tunnel)
        tunnel.start(has_client_ended=self._has_ended)

    def _await_events(self) -> None:
        """Ask the poller for what is to be waited for now."""
        if self._is_closed:
            return
        upstream, exchange = self._upstream, self._exchange
        if upstream is not None and upstream.is_connected:
            upstream.pause(is_paused=bool(self._unsent))
        wanted = WRITABLE if self._unsent else 0
        if not self._has_ended and self._can_read(exchange, upstream):
            wanted |= READABLE
        if wanted != self._events:
            self._front.poller.modify(self._fd, wanted)
            self._events = wanted

    def _can_read(self, exchange: Exchange | None, upstream: Upstream | None) -> bool:
        if self._is_closing:
            return True
        if exchange is None or exchange.request_body.is_complete:
            return len(self._reader.inbox) < self._front.config.pipeline_bytes and not self._unsent
        if upstream is None or not upstream.is_connected:
            return len(self._reader.inbox) < self._front.config.pipeline_bytes
        return not upstream.unsent

    def _wait(self, seconds: float) -> None:
        self.deadline = self._front.clock() + seconds

    def _close(self, *, is_reset: bool = False) -> None:
        if self._is_closed:
            return
        self._is_closed = self._is_closing = True
        self._events = 0
        if is_reset:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._front.poller.close_socket(self._sock)
        self._front.forget(self)
