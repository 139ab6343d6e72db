"""The data plane of one process: sockets, connections, and the rules that new clients meet.

Serves the sockets that it is given, on the running event loop; binds nothing and reads no object of the API. Either the
proxy's own process has one, or each of its workers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from socket import SocketType
from time import thread_time

from kubeproxy import NAME
from kubeproxy.balancers.work import work_on
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer, Shared
from kubeproxy.rules import Listener, Packet, PortRule, Rules
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import ConnectionRecord, Follower
from kubeproxy.tracing.trace import Trace, trace_packet
from kubeproxy.types import Destination, Route, ServicePortName, subject_of
from kubeproxy.userspace.accepting import Accepting, BoundSocket, ListeningSocket
from kubeproxy.userspace.carrier import Spot
from kubeproxy.userspace.closed import ClosedEndpoints
from kubeproxy.userspace.descriptors import Descriptors
from kubeproxy.userspace.http.io.front import HttpFront
from kubeproxy.userspace.http.io.probes import Probes
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.poller import READABLE
from kubeproxy.userspace.sockets import SOCKETS, network_of
from kubeproxy.userspace.tcp.io.front import TcpFront
from kubeproxy.userspace.udp.io.flows import UdpFlows
from kubeproxy.userspace.udp.io.refusal import refuser
from kubeproxy.userspace.udp.io.sockets import DatagramSocket

_REMEMBERED = 8192
"""Routes of clients that are remembered until the rules change; a bound against endless clients."""
REAP_SECONDS = 60.0
"""How often half-closed connections are looked at."""


class DataPlane:
    """Implements ``Carrier`` in this process. ValueError if the default balancer is unknown.

    ``counters`` and ``shared`` are given where other processes balance with this one.
    """

    width = 1
    _begun: float | None = None
    """When the change began of which building tables is a part, in the thread's own time."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        dependencies: ProxyDependencies,
        default_balancer: str,
        counters: ProxyCounters | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.rules, self.failures = Rules(), dependencies.failures
        self.counters = counters or ProxyCounters()
        self._loop = loop
        self._network = dependencies.network
        self._load_balancer = LoadBalancer(
            default_balancer, self.counters, clock=dependencies.clock, rng=dependencies.rng, shared=shared
        )
        self._descriptors = Descriptors(loop)
        parts = DataPlaneParts(loop, dependencies, self._load_balancer, self.counters, self._descriptors.ceiling)
        self._parts, self.recent = parts, parts.recent
        self.tcp, self._http, self._probes = TcpFront(parts), HttpFront(parts), Probes(parts)
        self._load_balancer.probe, self._load_balancer.work = self._probes.probe, self._work
        self._flows = UdpFlows(parts)
        self._accepting = Accepting(parts, self.tcp, self._http, self._find_route, self._descriptors)
        self._bound: dict[Spot, BoundSocket] = {}
        self._routes: dict[tuple[str, Destination], Route | None] = {}

    def set_udp_timeouts(self, unreplied: float, stream: float) -> None:
        """Have UDP flows end after these seconds without a datagram, as conntrack's time-outs of the same names."""
        self._flows.table.timeouts = (unreplied, unreplied, stream)

    def _work(self, steps: Iterator[None]) -> None:
        """Do what a slice of time allows now, and the rest after what waits then."""
        if work_on(steps, thread_time, self._begun):
            self._loop.call_soon(self._work, steps)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the context lasts."""
        self._parts.poller.attach(self._loop)
        self._network.observe(self._flows.end_client)
        reaper = self._loop.create_task(self._reap(), name=f"{NAME} reaper")
        try:
            yield
        finally:
            reaper.cancel()
            for spot in tuple(self._bound):
                self._close(spot)
            self._reset_all()
            self._descriptors.close()
            self._parts.poller.close()

    def apply(self, rules: Rules, ports: Sequence[ServicePortName]) -> None:
        """Treat new clients by ``rules``."""
        self.rules = self._parts.targets.rules = rules
        self._routes.clear()
        self._load_balancer.closed = ClosedEndpoints(rules).find if rules.policies else None
        for port_name in ports:
            about = subject_of(port_name.service)
            try:
                self._apply(port_name, rules.ports.get(port_name))
            except Exception as failure:
                self.failures.note(f"{NAME} (data plane)", about, failure)
            else:
                self.failures.forget(f"{NAME} (data plane)", about)

    def _apply(self, port_name: ServicePortName, rule: PortRule | None) -> None:
        self._begun = thread_time()
        try:
            self._load_balancer.update(port_name, rule)
        finally:
            self._begun = None
        if self._probes.has_any:
            self._probes.update(port_name, rule.reachable() if rule else ())
        if port_name.protocol == "UDP" and rule is not None:
            self._flows.retain(port_name, rule.serving())
        elif port_name.protocol == "TCP":
            self._update_http(port_name, rule)

    def listen(self, listener: Listener, place: str, sockets: Sequence[SocketType]) -> None:
        """Own a bound socket from now on and serve its clients."""
        (sock,) = sockets
        bound: BoundSocket
        if listener.destination.protocol == "UDP":
            bound = DatagramSocket(self._flows, sock, listener, self._find_route, refuser(self._network, place))
        else:
            bound = ListeningSocket(self._accepting, sock, listener)
        self._bound[Spot(listener.destination, place)] = bound
        self._parts.poller.register(sock.fileno(), READABLE, bound)

    def update(self, listener: Listener, place: str) -> None:
        """Apply a listener's changed settings to its new clients."""
        self._bound[Spot(listener.destination, place)].update(listener)

    def close(self, spot: Spot, closed: Callable[[], None]) -> None:
        """Accept what is queued at a spot, and no more clients then."""
        self._close(spot)
        closed()

    def end_elsewhere(self) -> None:
        """End what is not in the host's network alone."""
        with contextlib.closing(self._network.places[0].socket(*SOCKETS["TCP", False])) as any_socket:
            host = network_of(any_socket)
        self.tcp.end_elsewhere(host)
        self._http.end_elsewhere(host)
        self._flows.end_elsewhere(host)
        self._probes.end_all()

    async def drain(self, seconds: float) -> None:
        """Give the connections ``seconds`` to end, and reset the rest."""
        self._http.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._http.wait_until_idle()
                await self.tcp.connections.wait_until_idle()
        self._reset_all()

    async def wait_until_applied(self) -> None:
        """Return at once: ``apply`` has done everything."""

    async def count(self) -> ProxyCounters:
        """Return the living counters."""
        return self.counters

    async def records(self) -> list[ConnectionRecord]:
        """Return the recent connections, the oldest first."""
        return self.recent.records()

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Note connections that begin and end in ``follower``, until the function that is returned is called."""
        return self.recent.follow(follower)

    async def trace(self, packet: Packet) -> Trace:
        """Return what would become of a packet now, step by step."""
        return trace_packet(self.rules, self._load_balancer, packet)

    def tell_shortage(self, to: Callable[[], None]) -> None:
        """Call ``to`` while new clients wait for file descriptors, once a second."""
        self._descriptors.tell = to

    def problems(self) -> list[str]:
        """Return the sentence about clients that wait for file descriptors, if they do."""
        return [problem] if (problem := self._descriptors.problem()) else []

    def connections(self) -> int:
        """Return the number of clients' connections now; UDP has none."""
        return len(self.tcp.connections) + self._http.count_connections()

    def _close(self, spot: Spot) -> None:
        bound = self._bound.pop(spot, None)
        if bound is not None:
            bound.close()

    def _reset_all(self) -> None:
        self.tcp.reset_all()
        self._http.reset_all()
        self._flows.close_all()
        self._probes.end_all()

    def _update_http(self, port_name: ServicePortName, rule: PortRule | None) -> None:
        if port_name.is_ingress:
            for each in self._http.serve_ingresses(port_name, rule.ingress if rule else None):
                if self._load_balancer.has(each):  # one that is new itself has its turn later
                    self._update_http(each, self.rules.ports.get(each))
        elif rule is not None and (rule.service_port.is_http or port_name in self._http.ingresses.backends):
            hashed = self._load_balancer.algorithm(port_name).hashed_part
            self._http.update(port_name, rule.reachable(), rule.service_port, hashed)
        else:
            self._http.update(port_name, None)

    def _find_route(self, source: str, destination: Destination) -> Route | None:
        key = source, destination
        try:
            return self._routes[key]
        except KeyError:
            pass
        if len(self._routes) >= _REMEMBERED:
            self._routes.clear()
        route = self._routes[key] = self.rules.decide(source, destination).route
        return route

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(REAP_SECONDS)
            with self.failures.guard(NAME, "looking for half-closed connections"):
                self.tcp.reap()
