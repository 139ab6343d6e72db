"""All HTTP connections of one data plane: they begin here, and one timer ends those that wait for too long.

A Service port's requests count as its endpoints' connections, so that ``least_connections`` is least requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from socket import SocketType

from kubeapi.balancing import HttpPart
from kubehost.io.places import whole_socket
from kubeproxy.http.requestparts import PartReader
from kubeproxy.ingress.table import IngressTable
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.types import Destination, Route, ServicePort, ServicePortName
from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.extralines import extra_lines
from kubeproxy.userspace.http.io.conversation import HttpConversation
from kubeproxy.userspace.http.io.ingresses import Ingresses, IngressPort
from kubeproxy.userspace.http.io.port import Origin, Port
from kubeproxy.userspace.http.io.shared import HttpShared
from kubeproxy.userspace.live import LiveConnections
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.sockets import network_of


class HttpFront:
    """Takes over accepted sockets and answers their requests through endpoints.

    Sockets to endpoints have numbers below the data plane's ``ceiling``: a client that is connected may still send
    requests when no other client may connect.
    """

    def __init__(self, parts: DataPlaneParts, config: HttpConfig | None = None) -> None:
        self.connections = LiveConnections[HttpConversation]()
        self.shared = HttpShared(parts, config or HttpConfig(), self._forget)
        self.tunnels = self.shared.tunnels
        self.ingresses = Ingresses(self.shared)
        self._ports: dict[ServicePortName, Port] = {}
        self._timer: asyncio.TimerHandle | None = None

    def accept(self, sock: SocketType, client: str, client_port: int, destination: Destination, route: Route) -> None:
        """Own an accepted socket of a client, given by address and port, from now on, and answer its requests."""
        port = self.port(route.port_name)
        origin = Origin(client, client_port, destination, route)
        if isinstance(port, IngressPort):
            conversation: HttpConversation | None = self.ingresses.converse(port, whole_socket(sock), origin)
            if conversation is None:
                return
            self.connections.add(conversation)
        else:
            self.connections.add(HttpConversation(self.shared, port, whole_socket(sock), origin))
        self.shared.counters.active += 1
        if self._timer is None:
            self._schedule_sweep()

    def update(
        self,
        port_name: ServicePortName,
        usable: Collection[str] | None,
        service_port: ServicePort | None = None,
        hashed: HttpPart | None = None,
    ) -> None:
        """Keep connections to the endpoints ``usable`` (``ip:port``) only; None: the Service port is gone.

        ``service_port`` tells what answers get besides, ``hashed`` what of requests the algorithm hashes. Clients stay
        connected; those of a Service port that is gone are let go after their current answer.
        """
        self.ingresses.update(port_name, usable)
        if usable is None:
            port = self._ports.pop(port_name, None)
            if port is not None:
                port.is_gone = True
                port.pool.update(())
                self._let_go(port)
            return
        port = self.port(port_name)
        if service_port is not None:
            shows_endpoint = service_port.shows_endpoint or self.shared.config.shows_endpoint
            port.more_lines = extra_lines(service_port, shows_endpoint=shows_endpoint)
            cookie = service_port.affinity_cookie
            port.parts = PartReader(hashed, cookie) if hashed or cookie else None
        port.pool.update(usable)

    def serve_ingresses(self, port_name: ServicePortName, table: IngressTable | None) -> frozenset[ServicePortName]:
        """Send requests at an address of Ingresses by a table from now on, None if it is gone.

        Return the Service ports that have become, or are no more, backends: ``update`` is to be called for them.
        """
        if table is None:
            self.update(port_name, None)
        elif isinstance(port := self._ports.get(port_name), IngressPort):
            port.renew(table)
        else:
            self._ports[port_name] = IngressPort(self.shared, port_name, table, self._backend)
        return self.ingresses.note(port_name, table)

    def _backend(self, port_name: ServicePortName, speaks_tls: bool) -> Port:
        return self.ingresses.tls_port(port_name) if speaks_tls else self.port(port_name)

    def _all_ports(self) -> Iterator[Port]:
        yield from self._ports.values()
        yield from self.ingresses.tls_ports.values()

    def port(self, port_name: ServicePortName) -> Port:
        """Return what the requests of a Service port share."""
        port = self._ports.get(port_name)
        if port is None:
            port = self._ports[port_name] = Port(self.shared, port_name)
        return port

    def count_connections(self) -> int:
        """Return the number of clients' connections now, tunnels included."""
        return len(self.connections) + len(self.tunnels.connections)

    async def wait_until_idle(self) -> None:
        """Return once there are no connections."""
        await self.connections.wait_until_idle()
        await self.tunnels.connections.wait_until_idle()
        await self.ingresses.terminations.wait_until_idle()

    def drain(self) -> None:
        """Close every client's connection after its current answer, idle ones at once."""
        self.shared.is_draining = True
        self._let_go(None)

    def end_elsewhere(self, host: int) -> None:
        """Keep what is in the network with the number ``host`` alone: the others are gone.

        A request that waits for an endpoint there is tried again or refused, as if the endpoint had broken off.
        """
        for port in self._all_ports():
            port.pool.clear()
        for connection in tuple(self.connections):
            if network_of(connection.client.sock) != host:
                connection.reset(Outcome.NETWORK_GONE)
            elif (upstream := connection.delivery.upstream) is not None and network_of(upstream.sock) != host:
                upstream.abandon()
        self.tunnels.end_elsewhere(host)
        self.ingresses.end(lambda sock: network_of(sock) != host)

    def reset_all(self) -> None:
        """End every connection, clients by reset, and keep none to endpoints."""
        for connection in tuple(self.connections):
            connection.reset(Outcome.SHUTDOWN)
        self.ingresses.end(lambda _: True)
        self.tunnels.reset_all()
        for port in self._all_ports():
            port.pool.update(())
        self._ports.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def sweep(self) -> None:
        """End what has waited for too long."""
        now = self.shared.clock()
        for connection in tuple(self.connections):
            if connection.deadline <= now:
                connection.expire()
        self.tunnels.sweep(now)
        for port in self._all_ports():
            port.pool.expire(now - self.shared.config.idle_seconds)

    def idle_upstreams(self) -> int:
        """Return the number of connections to endpoints that are kept for the next request."""
        return sum(len(port.pool) for port in self._all_ports())

    def _forget(self, connection: HttpConversation) -> None:
        self.connections.over(connection)
        self.shared.counters.active -= 1

    def _let_go(self, port: Port | None) -> None:
        for connection in tuple(self.connections):
            if port in (None, connection.port):
                connection.let_go()

    def _schedule_sweep(self) -> None:
        self._timer = self.shared.loop.call_later(self.shared.config.sweep_seconds, self._sweep_again)

    def _sweep_again(self) -> None:
        self._timer = None
        self.sweep()
        if self.count_connections() or self.idle_upstreams():
            self._schedule_sweep()
