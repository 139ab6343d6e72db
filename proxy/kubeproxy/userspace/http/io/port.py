"""What the requests of one Service port share: connections to its endpoints, and a budget of retries."""

from __future__ import annotations

from typing import NamedTuple

from kubeproxy.outcomes import CONNECT_OUTCOMES, Outcome
from kubeproxy.types import Choice, Destination, Route, ServicePortName
from kubeproxy.userspace.http.exchange import Exchange
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.http.io.upstream import Upstream, dial
from kubeproxy.userspace.http.io.wire import Conversation
from kubeproxy.userspace.http.pool import Pool
from kubeproxy.userspace.http.retries import RetryBudget
from kubeproxy.userspace.tcp.relay import DIAL_TIMEOUTS


class Origin(NamedTuple):
    """A client's address, the address that it has connected to, and the route from there."""

    address: str
    destination: Destination
    route: Route


class Port:
    """``is_gone``: no Service has it any more, so clients are let go after their current answer."""

    __slots__ = ("_shared", "budget", "is_gone", "name", "pool", "shows_endpoint")

    def __init__(self, shared: HttpShared, name: ServicePortName) -> None:
        self._shared = shared
        self.name = name
        self.pool: Pool[Upstream] = Pool(shared.config.idle_per_endpoint)
        self.budget = RetryBudget(shared.clock())
        self.shows_endpoint = shared.config.shows_endpoint
        self.is_gone = False

    def find(self, exchange: Exchange, origin: Origin, conversation: Conversation) -> Upstream | None:
        """Return a connection to an endpoint, kept, new or being dialled; None if no endpoint can be connected."""
        while exchange.dials < len(DIAL_TIMEOUTS):
            choice = exchange.record.choice = self._choose(exchange, origin)
            if choice is None:
                return None
            exchange.endpoint = choice.address
            upstream = self._connect(exchange, choice)
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
        exchange.avoid = (*exchange.avoid, exchange.endpoint)

    def _choose(self, exchange: Exchange, origin: Origin) -> Choice | None:
        balancer = self._shared.load_balancer
        choice = balancer.next_endpoint(origin.route, origin.address, exchange.avoid)
        if choice is None and (detour := balancer.detour(origin.route)) is not None:
            choice = balancer.next_endpoint(detour, origin.address, exchange.avoid)
        return choice

    def _connect(self, exchange: Exchange, choice: Choice) -> Upstream | int:
        """Return a kept connection to the chosen endpoint, or a new one that may be being dialled, or an errno."""
        pool = self.pool
        upstream = pool.take(choice.address)
        if not exchange.is_idempotent:
            # It cannot be repeated, so it gets no connection of which the kernel knows already that it has ended.
            while upstream is not None and not upstream.is_alive:
                upstream.close()
                upstream = pool.take(choice.address)
        if upstream is not None:
            return upstream
        exchange.dials += 1
        return dial(self._shared, pool, self.name, choice)
