"""UDP for kubeproxy's tests: clients, endpoints that answer, and flows without the rest of a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass, field

from tests.helpers.direct_network import DirectNetwork
from tests.helpers.patience import PATIENCE

from kubeapi.failures import Failures
from kubehost.io.binding import bind_socket
from kubehost.io.places import whole_socket
from kubeproxy.balancers import Ask
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.rules import Listener
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import RecentConnections
from kubeproxy.types import Choice, Destination, Endpoint, ListenerKind, Route, ServicePortName
from kubeproxy.userspace.accepting import FindRoute
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.poller import READABLE, Poller
from kubeproxy.userspace.sockets import open_socket
from kubeproxy.userspace.udp.io.flows import UdpFlows
from kubeproxy.userspace.udp.io.refusal import refuser
from kubeproxy.userspace.udp.io.sockets import DatagramSocket

PORT = 20053
DNS = ServicePortName("default", "dns", "", "UDP")
TIME = ServicePortName("default", "time", "", "UDP")

Address = tuple[str, int]
Answer = Callable[[bytes, Address], bytes | None]


class Rotation(LoadBalancer):
    """A load balancer that takes the endpoints of a Service port in turn and writes down who asked."""

    def __init__(self, counters: ProxyCounters) -> None:
        super().__init__("round_robin", counters, clock=float, rng=random.Random(7))
        self.endpoints: dict[ServicePortName, list[str]] = {}
        self.asked: list[tuple[Route, str]] = []
        self._next = 0

    def next_endpoint(self, route: Route, ask: Ask, avoid: Collection[str] = ()) -> Choice | None:
        """Return the next one."""
        del avoid
        self.asked.append((route, ask.client))
        endpoints = self.endpoints.get(route.port_name)
        if not endpoints:
            return None
        self._next += 1
        return Choice(Endpoint(endpoints[(self._next - 1) % len(endpoints)], PORT), is_pinned=False)


@dataclass
class Ground:
    """Flows on the running loop; the clock stands still unless a test moves it."""

    flows: UdpFlows
    poller: Poller
    balancer: Rotation
    recent: RecentConnections
    counters: ProxyCounters
    now: list[float]
    routed: dict[ServicePortName, bool] = field(default_factory=dict)
    _listeners: list[DatagramSocket] = field(default_factory=list)

    def listen(self, address: str, port_name: ServicePortName = DNS, *endpoints: str) -> DatagramSocket:
        """Serve a Service port at an address; ``routed[port_name] = False`` lets nobody in."""
        if endpoints:
            self.balancer.endpoints[port_name] = list(endpoints)
        sock = open_socket("UDP", address)
        bind_socket(sock, (address, PORT))
        route = Route(port_name, "n1", False)
        what = Listener(Destination(address, PORT, "UDP"), ListenerKind.CLUSTER_IP, port_name, True, False, None)
        find_route: FindRoute = lambda *_: route if self.routed.get(port_name, True) else None  # noqa: E731
        listener = DatagramSocket(self.flows, sock, what, find_route, refuser(DirectNetwork(), "host"))
        self.poller.register(sock.fileno(), READABLE, listener)
        self._listeners.append(listener)
        return listener

    def close(self) -> None:
        """Close the listeners that are left."""
        for each in self._listeners:
            if each.sock.fileno() >= 0:
                each.close()


@contextlib.asynccontextmanager
async def ground(limit: int = 100) -> AsyncIterator[Ground]:
    """Run flows without listeners."""
    counters, now = ProxyCounters(), [1000.0]
    balancer = Rotation(counters)
    dependencies = ProxyDependencies(DirectNetwork(), lambda: now[0], random.Random(7), Failures())
    parts = DataPlaneParts(asyncio.get_running_loop(), dependencies, balancer, counters, ceiling=sys.maxsize)
    poller, flows = parts.poller, UdpFlows(parts, limit=limit)
    poller.attach(parts.loop)
    it = Ground(flows, poller, balancer, parts.recent, counters, now)
    try:
        yield it
    finally:
        it.close()
        flows.close_all()
        poller.close()


class UdpEndpoint:
    """An endpoint that answers; ``received`` has what it got and from where."""

    def __init__(self, address: str, answer: Answer, port: int = PORT) -> None:
        self.received: list[tuple[bytes, Address]] = []
        self._answer = answer
        self._sock = whole_socket(open_socket("UDP", address))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._sock.bind((address, port))
        asyncio.get_running_loop().add_reader(self._sock, self._serve)

    def send(self, datagram: bytes, to: Address) -> None:
        """Send unasked."""
        self._sock.sendto(datagram, to)

    def close(self) -> None:
        """Be gone: the kernel refuses."""
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()

    def _serve(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                datagram, peer = self._sock.recvfrom(65536)
                self.received.append((datagram, peer))
                answer = self._answer(datagram, peer)
                if answer is not None:
                    self._sock.sendto(answer, peer)


@contextlib.contextmanager
def udp_endpoint(address: str, answer: Answer, port: int = PORT) -> Iterator[UdpEndpoint]:
    """Keep an endpoint."""
    endpoint = UdpEndpoint(address, answer, port)
    try:
        yield endpoint
    finally:
        endpoint.close()


def udp_echo(datagram: bytes, peer: Address) -> bytes:
    """Answer by sending it back."""
    del peer
    return datagram


def udp_silence(datagram: bytes, peer: Address) -> None:
    """Answer nothing."""
    del datagram, peer


def udp_name(address: str) -> Answer:
    """Answer with ``address``."""
    return lambda *_: address.encode()


@contextlib.contextmanager
def udp_client(to: Address, source: Address = ("127.82.9.1", 0)) -> Iterator[socket.socket]:
    """A connected, non-blocking client: it hears only whom it asks, and is told of refusals."""
    with whole_socket(open_socket("UDP", to[0])) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        sock.bind(source if sock.family == socket.AF_INET else ("::1", 0))
        sock.connect(to)
        yield sock


async def hear(client: socket.socket) -> bytes:
    """Wait for a datagram; ConnectionRefusedError if there is a refusal instead."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.get_running_loop().sock_recv(client, 65536)


async def udp_ask(client: socket.socket, datagram: bytes = b"?") -> bytes:
    """Send and wait for the answer."""
    client.send(datagram)
    return await hear(client)
