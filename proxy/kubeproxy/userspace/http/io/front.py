"""All HTTP connections of one proxy, and what they share: pools, retry budgets, one timer for every time-out.

A Service port's requests count as its endpoints' connections, so that ``least_connections`` is least requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from socket import SocketType

from kubeproxy.outcomes import Outcome
from kubeproxy.types import Destination, Route, ServicePortName
from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.io.downstream import Downstream
from kubeproxy.userspace.http.io.tunnel import Tunnels
from kubeproxy.userspace.http.io.upstream import Upstream
from kubeproxy.userspace.http.pool import Pool
from kubeproxy.userspace.http.retries import RetryBudget
from kubeproxy.userspace.live import LiveConnections
from kubeproxy.userspace.parts import PlaneParts
from kubeproxy.userspace.sockets import whole_socket


class Port:
    """What the requests of one Service port share."""

    __slots__ = ("budget", "is_gone", "pool", "port_name", "shows_endpoint")

    def __init__(self, port_name: ServicePortName, config: HttpConfig, now: float) -> None:
        self.port_name = port_name
        self.pool: Pool[Upstream] = Pool(config.idle_per_endpoint)
        self.budget = RetryBudget(now)
        self.shows_endpoint = config.shows_endpoint
        self.is_gone = False


class HttpFront:
    """Answers the requests of accepted connections through endpoints. ``clock`` gives monotonic seconds.

    Sockets to endpoints have numbers below ``ceiling``: a client that is connected may ask when nobody else may come.
    """

    def __init__(self, parts: PlaneParts, config: HttpConfig | None = None) -> None:
        self.loop = parts.loop
        self.poller = parts.poller
        self.targets = parts.targets
        self.load_balancer = parts.load_balancer
        self.counters = parts.counters
        self.recent = parts.recent
        self.clock = parts.clock
        self.ceiling = parts.ceiling
        self.buffer = parts.buffer
        self.config = config or HttpConfig()
        self.connections = LiveConnections[Downstream]()
        self.tunnels = Tunnels(parts, self.config.tunnel_seconds)
        self.is_draining = False
        self._ports: dict[ServicePortName, Port] = {}
        self._timer: asyncio.TimerHandle | None = None

    def accept(self, sock: SocketType, client: str, destination: Destination, route: Route) -> None:
        """Take over an accepted socket of ``client`` (its address) and answer what it asks."""
        port = self._port(route.port_name)
        connection = Downstream(self, port, whole_socket(sock), client, destination, route)
        self.connections.add(connection)
        self.counters.active += 1
        if self._timer is None:
            self._timer = self.loop.call_later(self.config.sweep_seconds, self._sweep_again)

    def update(
        self, port_name: ServicePortName, usable: Collection[str] | None, *, shows_endpoint: bool = False
    ) -> None:
        """Keep connections to the endpoints ``usable`` (``ip:port``) only; None: the Service port is gone.

        Clients stay connected; those of a Service port that is gone are let go after their current answer.
        """
        if usable is None:
            port = self._ports.pop(port_name, None)
            if port is not None:
                port.is_gone = True
                port.pool.update(())
                self._let_go(port)
            return
        port = self._port(port_name)
        port.shows_endpoint = shows_endpoint or self.config.shows_endpoint
        port.pool.update(usable)

    def forget(self, connection: Downstream) -> None:
        """Record that a client's connection is over."""
        self.connections.over(connection)
        self.counters.active -= 1

    def count_connections(self) -> int:
        """Return the number of clients' connections now, tunnels included."""
        return len(self.connections) + len(self.tunnels.connections)

    async def wait_until_idle(self) -> None:
        """Return once there are no connections."""
        await self.connections.wait_until_idle()
        await self.tunnels.connections.wait_until_idle()

    def drain(self) -> None:
        """Let every client go after its current answer; those who wait for none at once."""
        self.is_draining = True
        self._let_go(None)

    def reset_all(self) -> None:
        """End every connection, clients by reset, and keep none to endpoints."""
        for connection in tuple(self.connections):
            connection.reset(Outcome.SHUTDOWN)
        self.tunnels.reset_all()
        for port in self._ports.values():
            port.pool.update(())
        self._ports.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def sweep(self) -> None:
        """Act on the time-outs that are over."""
        now = self.clock()
        for connection in tuple(self.connections):
            if connection.deadline <= now:
                connection.expire()
        self.tunnels.sweep(now)
        for port in self._ports.values():
            port.pool.expire(now - self.config.idle_seconds)

    def idle_upstreams(self) -> int:
        """Return the number of connections to endpoints that are kept for the next request."""
        return sum(len(port.pool) for port in self._ports.values())

    def _port(self, port_name: ServicePortName) -> Port:
        port = self._ports.get(port_name)
        if port is None:
            port = self._ports[port_name] = Port(port_name, self.config, self.clock())
        return port

    def _let_go(self, port: Port | None) -> None:
        for connection in tuple(self.connections):
            if port in (None, connection.port):
                connection.let_go()

    def _sweep_again(self) -> None:
        self._timer = None
        self.sweep()
        if self.count_connections() or self.idle_upstreams():
            self._timer = self.loop.call_later(self.config.sweep_seconds, self._sweep_again)
