"""The sockets of healthCheckNodePorts: every request gets ``servicehealth``'s answer, and the connection is closed.

They use the proxy's poller, because they come and go with a sync of the rules. A port that cannot be bound gives an
event on its Service, as in kube-proxy, and is tried again when the Service or the nodes change. They answer in every
place: on the host, and in the cluster's network for what runs there.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from typing import NamedTuple

from kubeapi.failures import Subject
from kubeapi.meta import ObjectKey
from kubeapi.scheme import SERVICES
from kubehost.io.binding import bind_socket
from kubehost.io.places import HOST, Place, whole_socket
from kubeproxy import NAME
from kubeproxy.portowner import PortOwner, explain_bind_error, find_port_owner
from kubeproxy.rules import Rules
from kubeproxy.servicehealth import HealthCheckAddress, answer, count_local_endpoints, health_check_addresses
from kubeproxy.userspace.poller import READABLE, Poller
from kubeproxy.userspace.sockets import open_socket

MAX_CLIENTS = 64
"""Most clients of one proxy at a time; a load balancer's probes are few, and others are closed."""

CLIENT_SECONDS = 5.0
"""How long a client may take to ask."""

HEAD_END = b"\r\n\r\n"
MAX_HEAD_BYTES = 8192

Refused = Callable[[ObjectKey, str], None]
"""Called with a Service, and why its health check is not served at some address."""


class _Spot(NamedTuple):
    """An address in a place, by its name."""

    address: HealthCheckAddress
    place: str


class ServiceHealthServer:
    """Serves the health check ports that the rules ask for, in ``places``."""

    def __init__(
        self,
        poller: Poller,
        places: tuple[Place, ...],
        *,
        is_healthy: Callable[[], bool],
        refused: Refused,
        owner_name: Callable[[PortOwner], str] = str,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.poller = poller
        self.clients: set[_Client] = set()
        self._places = {each.name: each for each in places}
        self._rules = Rules()
        self._is_healthy = is_healthy
        self._refused = refused
        self._owner_name = owner_name
        self._sockets: dict[ObjectKey, dict[_Spot, _HealthCheckSocket]] = {}

    def update(self, rules: Rules, services: Iterable[ObjectKey]) -> None:
        """Apply ``rules``, in which ``services`` have changed; all Services when the nodes have changed."""
        self._rules = rules
        for service in services:
            with self.poller.failures.guard(f"{NAME} (health checks)", Subject(SERVICES, service)):
                self._update(service)

    def renew(self) -> None:
        """Serve in the networks beside the host's anew: they are others than before."""
        for open_now in self._sockets.values():
            for spot in [each for each in open_now if each.place != HOST.name]:
                open_now.pop(spot).close()
        self.update(self._rules, self._rules.by_service)

    def _update(self, service: ObjectKey) -> None:
        addresses = list(health_check_addresses(self._rules, [service]))
        wanted = {_Spot(address, place) for address in addresses for place in self._places}
        open_now = self._sockets.pop(service, {})
        for spot in open_now.keys() - wanted:
            open_now.pop(spot).close()
        for spot in sorted(wanted - open_now.keys()):
            self._open(spot, open_now)
        if open_now:
            self._sockets[service] = open_now

    def close(self) -> None:
        """Close every socket."""
        for sockets in self._sockets.values():
            for each in sockets.values():
                each.close()
        self._sockets.clear()
        for client in tuple(self.clients):
            client.close()

    def answer(self, place: HealthCheckAddress) -> bytes:
        """Return the answer that a port gives now."""
        count = count_local_endpoints(self._rules, place.service, place.node)
        return answer(place.service, count, is_proxy_healthy=self._is_healthy())

    def _open(self, spot: _Spot, sockets: dict[_Spot, _HealthCheckSocket]) -> None:
        try:
            sock = _listening(self._places[spot.place], spot.address)
        except OSError as error:
            if error.errno != errno.ENETDOWN:  # the network is not there yet: then comes ``renew``
                self._refuse(spot, error)
            return
        sockets[spot] = _HealthCheckSocket(self, spot.address, sock)

    def _refuse(self, spot: _Spot, error: OSError) -> None:
        service, node, address, port = spot.address
        # This process sees the sockets of the host's network only.
        owner = find_port_owner(address, port) if spot.place == HOST.name else None
        reason = explain_bind_error(error, address, port, self._owner_name(owner) if owner else "")
        self._refused(service, f'node {node} failed to start healthcheck "{service}" on port {port}: {reason}')


def _listening(place: Place, wanted: HealthCheckAddress) -> socket.socket:
    sock = whole_socket(open_socket("TCP", wanted.address, place.socket))
    try:
        bind_socket(sock, place.bind(wanted.address, wanted.port), place.socket)
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock


class _HealthCheckSocket:
    def __init__(self, server: ServiceHealthServer, place: HealthCheckAddress, sock: socket.socket) -> None:
        self._server = server
        self._place = place
        self._sock = sock
        server.poller.register(sock.fileno(), READABLE, self)

    def on_event(self, events: int) -> None:
        del events
        try:
            sock, _ = self._sock.accept()
        except OSError:
            return
        if len(self._server.clients) >= MAX_CLIENTS:
            sock.close()
            return
        sock.setblocking(False)
        _Client(self._server, self._place, sock)

    def abandon(self) -> None:
        """Keep accepting: a fault costs only the client that was being accepted."""

    def close(self) -> None:
        self._server.poller.close_socket(self._sock)


class _Client:
    """One probe: its request is read to the end of the head, answered, and the connection closed."""

    def __init__(self, server: ServiceHealthServer, place: HealthCheckAddress, sock: socket.socket) -> None:
        self._server = server
        self._place = place
        self._sock = sock
        self._head = b""
        self._timer = server.loop.call_later(CLIENT_SECONDS, self.close)
        server.clients.add(self)
        server.poller.register(sock.fileno(), READABLE, self)

    def on_event(self, events: int) -> None:
        del events
        try:
            received = self._sock.recv(MAX_HEAD_BYTES)
            self._head += received
            if HEAD_END in self._head:
                self._sock.send(self._server.answer(self._place))  # a few hundred bytes: they fit
                self._sock.shutdown(socket.SHUT_WR)
            elif received and len(self._head) < MAX_HEAD_BYTES:
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # the client is gone
        self.close()

    def abandon(self) -> None:
        self.close()

    def close(self) -> None:
        self._timer.cancel()
        self._server.clients.discard(self)
        self._server.poller.close_socket(self._sock)
