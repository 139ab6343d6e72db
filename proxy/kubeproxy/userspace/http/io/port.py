"""What the requests of one Service port share: connections to its endpoints, and a budget of retries."""

from __future__ import annotations

from typing import NamedTuple

from kubeproxy.http.requestparts import PartReader
from kubeproxy.telemetry.outcomes import CONNECT_OUTCOMES, Outcome
from kubeproxy.types import Choice, Destination, Route, ServicePortName
from kubeproxy.userspace.dialling import OUT_OF_DESCRIPTORS
from kubeproxy.userspace.http.exchange import Exchange
from kubeproxy.userspace.http.extralines import Extra
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.io.upstream import Upstream, dial
from kubeproxy.userspace.http.io.wire import Conversation
from kubeproxy.userspace.http.pool import Pool
from kubeproxy.userspace.http.retries import RetryBudget
from kubeproxy.userspace.tcp.relay import DIAL_TIMEOUTS


class Origin(NamedTuple):
    """A client's address and port, the address that it has connected to, and the route from there."""

    address: str
    port: int
    destination: Destination
    route: Route


class Port:
    """``is_gone``: no Service has it any more, so clients are let go after their current answer.

    ``parts`` reads what it balances by of each request, None if that is nothing. ``more_lines`` makes the header lines
    that an answer gets besides, None for none.
    """

    __slots__ = ("_shared", "budget", "is_gone", "more_lines", "name", "parts", "pool")

    def __init__(self, shared: HttpShared, name: ServicePortName) -> None:
        self._shared = shared
        self.name = name
        self.pool: Pool[Upstream] = Pool(shared.config.idle_per_endpoint)
        self.budget = RetryBudget(shared.clock())
        self.parts: PartReader | None = None
        self.more_lines: Extra | None = None
        self.is_gone = False

    def find(self, exchange: Exchange, origin: Origin, conversation: Conversation) -> Upstream | None:
        """Return a connection to an endpoint, kept, new or being dialled; None if no endpoint can be connected."""
        if self.parts is not None:
            self.parts.read(exchange.request, exchange.record)
        while exchange.dials < len(DIAL_TIMEOUTS):
            choice = exchange.record.choice = self._choose(exchange, origin)
            if choice is None:
                return None
            address = exchange.endpoint = choice.address
            upstream: Upstream | int | None
            upstream = self.pool.take(address) if exchange.is_idempotent else self._take_alive(address)
            if upstream is None:
                exchange.dials += 1
                upstream = self._dial(choice)
            if isinstance(upstream, int):
                self.note_failure(exchange, upstream)
                continue
            upstream.attach(conversation)
            if not upstream.is_connected:
                upstream.await_dial(exchange.dials)
            return upstream
        return None

    def note_failure(self, exchange: Exchange, code: int) -> None:
        """Record that an endpoint could not be connected, with the errno."""
        reason = CONNECT_OUTCOMES.get(code, Outcome.CONNECT_FAILED)
        self._shared.counters.errors[reason] += 1
        exchange.record.failed(reason)
        if code not in OUT_OF_DESCRIPTORS:
            self._shared.counters.unreachable(self.name, exchange.endpoint)
        exchange.avoid = (*exchange.avoid, exchange.endpoint)

    def _dial(self, choice: Choice) -> Upstream | int:
        return dial(self._shared, self.pool, self.name, choice)

    def _choose(self, exchange: Exchange, origin: Origin) -> Choice | None:
        balancer = self._shared.load_balancer
        choice = balancer.next_endpoint(origin.route, exchange.record, exchange.avoid)
        if choice is None and (detour := balancer.detour(origin.route)) is not None:
            choice = balancer.next_endpoint(detour, exchange.record, exchange.avoid)
        return choice

    def _take_alive(self, endpoint: str) -> Upstream | None:
        """Return a kept connection that has not ended, as far as the kernel knows by now.

        For requests that could not be repeated if the endpoint had closed the connection just before.
        """
        upstream = self.pool.take(endpoint)
        while upstream is not None and not upstream.is_alive:
            upstream.close()
            upstream = self.pool.take(endpoint)
        return upstream
