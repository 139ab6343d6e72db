"""The way of one client's requests to an endpoint and of the answers back, one exchange at a time.

What cannot be done is returned as a ``Failure``, for the conversation to tell the client.
"""

from __future__ import annotations

from typing import NamedTuple

from kubehost.addresses import join_host_port
from kubeproxy.http.bodies import BadBody
from kubeproxy.http.heads import BadAnswer
from kubeproxy.http.requesthead import Request
from kubeproxy.telemetry.outcomes import Outcome, Result, result_of
from kubeproxy.userspace.http.exchange import Event, Exchange
from kubeproxy.userspace.http.forwarding import forward_request
from kubeproxy.userspace.http.io.port import Origin, Port
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.io.upstream import Upstream
from kubeproxy.userspace.http.io.wire import Conversation
from kubeproxy.userspace.http.requests import RequestReader
from kubeproxy.userspace.poller import READABLE

_SENT = Event.SENT  # a global, because Python 3.11 calls a function for each member that is looked up


class Failure(NamedTuple):
    """What the client is told in the endpoint's place, and how the exchange ends.

    ``location`` is where a redirect leads, "" for none.
    """

    status: int
    reason: str
    outcome: str
    location: str = ""


class Delivery:
    """``exchange`` is None between exchanges, ``upstream`` until there is a connection, which may be being dialled.

    Lives as long as the client's connection. ``reader`` has what the client has sent of a request's body.
    """

    __slots__ = (
        "_forwarded_for",
        "_head",
        "_host",
        "_origin",
        "_port",
        "_reader",
        "_request",
        "_shared",
        "exchange",
        "upstream",
    )

    def __init__(self, shared: HttpShared, port: Port, origin: Origin, reader: RequestReader) -> None:
        self.exchange: Exchange | None = None
        self.upstream: Upstream | None = None
        self._shared = shared
        self._port = port
        self._origin = origin
        self._reader = reader
        self._forwarded_for = origin.address.encode()
        self._host = join_host_port(origin.destination.address, origin.destination.port).encode()
        self._request: Request | None = None
        self._head = b""

    def current(self) -> tuple[Exchange, Upstream]:
        """Return the exchange and its connection, where there must be both."""
        exchange, upstream = self.exchange, self.upstream
        assert exchange is not None
        assert upstream is not None
        return exchange, upstream

    def takes_body(self) -> bool:
        """Tell whether what the client sends now is the body of the exchange and can be passed on."""
        exchange, upstream = self.exchange, self.upstream
        return (
            exchange is not None
            and not exchange.request_body.is_complete
            and upstream is not None
            and upstream.is_connected
        )

    def pace(self, *, is_client_slow: bool) -> bool:
        """Read the endpoint only as fast as the client; tell whether to read the client.

        It is not read while the endpoint is slow, nor when too much is read ahead already.
        """
        exchange, upstream = self.exchange, self.upstream
        if upstream is not None and upstream.is_connected:
            upstream.pause(is_paused=is_client_slow)
        if upstream is not None and self.takes_body():
            return not upstream.unsent
        has_room = len(self._reader.inbox) < self._shared.config.pipeline_bytes
        is_dialling = exchange is not None and not exchange.request_body.is_complete
        return has_room and (is_dialling or not is_client_slow)

    def begin(self, exchange: Exchange, conversation: Conversation) -> Failure | None:
        """Send a request to an endpoint, as far as that goes without waiting; also when it is sent again."""
        self.exchange = exchange
        upstream = self.upstream = self._port.find(exchange, self._origin, conversation)
        if upstream is None:
            return self._unconnected(exchange)
        return self.open(exchange, upstream) if upstream.is_connected else None

    def open(self, exchange: Exchange, upstream: Upstream) -> Failure | None:
        """Send the request's head and what there is of its body."""
        if self._port.more_lines is not None:
            exchange.extra_lines = self._port.more_lines(exchange)
        if not exchange.opening:
            request = exchange.request
            if request is not self._request:  # a reader returns the same request for the same head
                self._head = forward_request(request, self._forwarded_for, self._host)
                self._request = request
            try:
                self._reader.inbox = exchange.take_opening(self._head, self._reader.inbox)
            except BadBody as error:
                return Failure(400, str(error), Outcome.BAD_REQUEST)
        opening = exchange.opening
        upstream.counters.bytes_to_endpoint += len(opening)
        exchange.record.bytes_to_endpoint += len(opening)
        if upstream.counters.watchers:
            upstream.sent_at = self._shared.clock()
        upstream.send(opening)
        if not upstream.takes_nothing:
            exchange.note(_SENT)
        return None

    def send_body(self, received: memoryview) -> Failure | None:
        """Send what belongs to the body, and leave the rest to the reader."""
        exchange, upstream = self.current()
        try:
            count = exchange.take_request(received)
        except BadBody as error:
            return Failure(400, str(error), Outcome.BAD_REQUEST)
        if count < len(received):
            self._reader.inbox += bytes(received[count:])
        upstream.counters.bytes_to_endpoint += count
        exchange.record.bytes_to_endpoint += count
        upstream.send(received[:count])
        return None

    def dial_failed(self, code: int, conversation: Conversation) -> Failure | None:
        """Try another endpoint after a dial that failed with the errno ``code``."""
        exchange, _ = self.current()
        self._port.note_failure(exchange, code)
        return self.begin(exchange, conversation)

    def answer_failed(self, error: BadAnswer) -> Failure:
        """Return the failure of an exchange whose answer cannot be passed on."""
        _, upstream = self.current()
        upstream.tell(Result.LOCAL_ERROR)
        return Failure(502, f"invalid answer of {upstream.endpoint}: {error}", Outcome.BAD_ANSWER)

    def upstream_failed(self, code: int, conversation: Conversation) -> Failure | None:
        """Send the request again after its connection has ended or was reset (``code``), where that is allowed."""
        exchange, upstream = self.current()
        if not exchange.may_repeat(self._port.budget, self._shared.clock()):
            upstream.tell(Result.LOCAL_ERROR)
            how, outcome = ("reset", Outcome.UPSTREAM_RESET) if code else ("ended", Outcome.UPSTREAM_ENDED)
            return Failure(502, f"{upstream.endpoint} has {how} the connection before its answer", outcome)
        exchange.record.failed(Outcome.ENDED_BEFORE_ANSWER)
        if not upstream.is_reused:
            upstream.tell(Result.LOCAL_ERROR)
            exchange.avoid = (*exchange.avoid, upstream.endpoint)
        self._port.pool.drop(upstream.endpoint)  # what else is idle there is as old as what has failed
        upstream.close()
        return self.begin(exchange, conversation)

    def finish(self, now: float) -> None:
        """End the exchange after its whole answer, and keep its connection if it can carry another."""
        exchange, upstream = self.exchange, self.upstream
        assert exchange is not None
        assert upstream is not None
        self.upstream = self.exchange = None
        if upstream.counters.watchers:
            upstream.tell(result_of(exchange.record.status))
        is_over = exchange.is_kept_alive and exchange.request_body.is_complete
        if is_over and not upstream.unsent and not upstream.takes_nothing:
            upstream.detach()
            upstream.is_reused = True
            if upstream.events != READABLE:
                upstream.ask(READABLE)
            self._port.pool.put(upstream, now)
        else:
            upstream.close()
        self._shared.recent.ended(exchange.record)

    def hand_over(self) -> tuple[Exchange, Upstream]:
        """Return the exchange and its connection, which a tunnel takes over and counts on."""
        exchange, upstream = self.current()
        self.exchange = self.upstream = None
        upstream.tell(Result.SUCCESS)
        upstream.conversation = None  # without detach(), which would count the connection as closed
        return exchange, upstream

    def timeout(self) -> Failure:
        """Return the failure of an exchange that has waited for too long: for the client's body, or for the answer."""
        exchange, upstream = self.exchange, self.upstream
        assert exchange is not None
        if not exchange.request_body.is_complete and not (upstream is not None and upstream.unsent):
            return Failure(408, "the request's body took too long", Outcome.CLIENT_TIMEOUT)
        if upstream is not None:
            upstream.tell(Result.LOCAL_ERROR)
        return Failure(504, f"no answer of {exchange.endpoint} in time", Outcome.UPSTREAM_TIMEOUT)

    def give_up(self, outcome: str) -> None:
        """End the exchange, if there is one; its endpoint is cut off."""
        exchange, upstream = self.exchange, self.upstream
        self.exchange = self.upstream = None
        if upstream is not None:
            upstream.close(is_reset=True)
        if exchange is not None:
            self._shared.recent.ended(exchange.record, outcome)

    def _unconnected(self, exchange: Exchange) -> Failure:
        name, record = self._port.name, exchange.record
        if record.choice is None:
            self._shared.counters.errors[Outcome.NO_ENDPOINTS] += 1
            self._shared.counters.refused[name] += 1
            return Failure(503, f"Service {name} has no endpoints", Outcome.NO_ENDPOINTS)
        is_late = bool(record.failures) and record.failures[-1][1] == Outcome.CONNECT_TIMEOUT
        status = 504 if is_late else 502
        return Failure(status, f"no endpoint of Service {name} can be reached", Outcome.UNREACHABLE)
