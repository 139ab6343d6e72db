"""UDP through the proxy: the listening sockets, one upstream socket per flow, and the datagrams between them.

Decides nothing that ``udpflows`` or ``load_balancer`` can decide. A flow is one client address and port at one
listener; its endpoint is chosen once, with its first datagram. No task, future or transport, and one buffer for all.
Replies leave through the listening socket, so from the address and port that was asked. Datagrams are passed on whole,
or not at all: a full socket drops them, as the network does.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import Callable, Collection

from kubeapi.network import Network
from kubeproxy.counters import EndpointCounters, ProxyCounters
from kubeproxy.load_balancer import LoadBalancer
from kubeproxy.poller import READABLE, Poller
from kubeproxy.recent import ConnectionRecord, RecentConnections
from kubeproxy.rules import Listener
from kubeproxy.sockets import REASONS, open_socket, source_for
from kubeproxy.types import Destination, Route, ServicePortName
from kubeproxy.udpflows import FlowTable, RefusalBudget, TrackedFlow, flow_limit
from kubeproxy.udprefusal import PROBE, pass_refusal_on

BUFFER_BYTES = 64 * 1024
"""The longest datagram, 65507 bytes by IPv4 and 65527 by IPv6, fits."""

RECEIVE_BUFFER_BYTES = 1024 * 1024
"""Asked for at a listener, for bursts; the kernel caps it at net.core.rmem_max."""

DATAGRAMS_PER_TURN = 64
"""Datagrams of one listener before the others have their turn."""

REPLIES_PER_TURN = 16
"""Datagrams of one endpoint to one client before the others have their turn."""

REAP_SECONDS = 1.0
"""How often idle flows are looked for."""

PROBE_BYTES = len(PROBE)

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

Client = tuple[str, int]
"""A peer as recvfrom() gives it: address, port, and for IPv6 two numbers more."""


FindRoute = Callable[[str, Destination], Route | None]
"""Returns the route of a client's new flow, None if it is dropped."""


class UdpFlows:
    """All flows of one proxy, and what they share. ``limit`` bounds them, by default to half of RLIMIT_NOFILE.

    Idle flows are ended by a timer on ``loop``, which runs only while there are flows.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        poller: Poller,
        network: Network,
        load_balancer: LoadBalancer,
        counters: ProxyCounters,
        recent: RecentConnections,
        *,
        clock: Callable[[], float],
        limit: int | None = None,
    ) -> None:
        self.poller = poller
        self.counters = counters
        self.recent = recent
        self.clock = clock
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.table: FlowTable[UdpFlow] = FlowTable(limit or flow_limit(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
        self._loop = loop
        self._network = network
        self._load_balancer = load_balancer
        self._by_service: dict[ServicePortName, set[UdpFlow]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_full(self) -> bool:
        """Whether the next new flow ends another."""
        return self.table.is_full

    def listen(self, sock: socket.socket, listener: Listener, find_route: FindRoute) -> UdpListener:
        """Own a bound, non-blocking socket from now on; the caller registers what is returned with the poller."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        return UdpListener(self, sock, listener, find_route)

    def retain(self, service: ServicePortName, serving: Collection[str]) -> None:
        """End the flows to endpoints that are not among the ``serving`` (``ip:port``), unless nothing serves.

        As kube-proxy cleans up connection tracking after a sync (pkg/proxy/conntrack/cleanup.go).
        """
        if not serving:
            return
        for flow in tuple(self._by_service.get(service, ())):
            if flow.counters.address not in serving:
                self.end(flow, "endpoint_gone")

    def reap(self, now: float) -> None:
        """End the flows that have been idle for too long."""
        for flow in self.table.expired(now):
            self.end(flow)

    def close_all(self) -> None:
        """End every flow; listeners are closed by their owner."""
        for flow in tuple(self.table):
            self.end(flow)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def begin(self, listener: UdpListener, client: Client, route: Route, now: float) -> UdpFlow | None:
        """Choose the endpoint of a new flow; None if there is none, or no socket for it."""
        record = self.recent.began("udp", client[0], listener.listener.destination, route)
        choice = record.choice = self._load_balancer.next_endpoint(route, client[0])
        if choice is None:
            self._fail(record, "no_endpoints")
            return None
        if self.table.is_full:
            self._drop_early()
        endpoint = choice.endpoint
        try:
            sock = _connect(self._network.dial(endpoint.ip, endpoint.port), client[0])
        except OSError as error:
            if error.errno in OUT_OF_DESCRIPTORS:
                self._drop_early()
            self._fail(record, REASONS.get(error.errno or 0, "connect_failed"))
            return None
        counters = self.counters.endpoint(route.service, endpoint.address)
        flow = UdpFlow(self, listener, client, sock, counters, record)
        self.counters.opened(counters)
        self.table.add(flow, now)
        self._by_service.setdefault(route.service, set()).add(flow)
        self.poller.register(sock.fileno(), READABLE, flow)
        self._schedule_reap()
        return flow

    def end(self, flow: UdpFlow, outcome: str = "closed") -> None:
        """Forget a flow: the client's next datagram begins another. ``outcome`` is for who asks later."""
        self.table.remove(flow)
        self.recent.ended(flow.record, outcome)
        service = flow.counters.service
        flows = self._by_service[service]
        flows.remove(flow)
        if not flows:
            del self._by_service[service]
        flow.listener.forget(flow)
        self.counters.closed(flow.counters)
        self.poller.close_socket(flow.sock)

    def _fail(self, record: ConnectionRecord, reason: str) -> None:
        self.counters.errors[reason] += 1
        self.recent.ended(record, reason)

    def _drop_early(self) -> None:
        victim = self.table.victim()
        if victim is not None:
            self.counters.errors["early_drop"] += 1
            self.end(victim, "early_drop")

    def _schedule_reap(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(REAP_SECONDS, self._reap)

    def _reap(self) -> None:
        self._timer = None
        self.reap(self.clock())
        if self.table:
            self._schedule_reap()


class UdpListener:
    """A socket where a Service port is asked, and the flows of its clients."""

    __slots__ = ("_clients", "_find_route", "_flows", "_refusals", "listener", "sock")

    def __init__(self, flows: UdpFlows, sock: socket.socket, listener: Listener, find_route: FindRoute) -> None:
        self.sock = sock
        self.listener = listener
        self._flows = flows
        self._find_route = find_route
        self._clients: dict[Client, UdpFlow] = {}
        self._refusals = RefusalBudget()

    def on_event(self, events: int) -> None:
        """Pass on what clients have sent: the hot path."""
        del events
        flows, clients, buffer, receive = self._flows, self._clients, self._flows.buffer, self.sock.recvfrom_into
        now = flows.clock()
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                count, client = receive(buffer)
            except BlockingIOError:
                return
            except OSError:
                flows.counters.errors["receive_failed"] += 1
                continue
            if count == PROBE_BYTES and buffer[:count] == PROBE:
                continue
            flow = clients.get(client)
            if flow is None:
                flow = self._begin(client, now)
                if flow is None:
                    continue
            flow.send(buffer[:count], now)

    def update(self, listener: Listener) -> None:
        """Treat new flows otherwise."""
        self.listener = listener

    def close(self) -> None:
        """Close the socket and end its flows; who asks from now on is refused by the kernel."""
        for flow in tuple(self._clients.values()):
            self._flows.end(flow)
        self._flows.poller.close_socket(self.sock)

    def forget(self, flow: UdpFlow) -> None:
        """Take note that a flow is over."""
        del self._clients[flow.client]

    def refuse(self, client: Client, now: float) -> None:
        """Tell a client that its endpoint refuses."""
        if not self._refusals.spend(now) or not pass_refusal_on(self.sock, client):
            self._flows.counters.errors["refusal_not_passed_on"] += 1

    def _begin(self, client: Client, now: float) -> UdpFlow | None:
        route = self._find_route(client[0], self.listener.destination)
        if route is None:
            self._flows.counters.errors["no_route"] += 1
            return None
        flow = self._flows.begin(self, client, route, now)
        if flow is not None:
            self._clients[client] = flow
        return flow


class UdpFlow(TrackedFlow):
    """One client and its endpoint. ``sock`` is connected to the endpoint."""

    __slots__ = ("_flows", "client", "counters", "listener", "record", "sock")

    def __init__(
        self,
        flows: UdpFlows,
        listener: UdpListener,
        client: Client,
        sock: socket.socket,
        counters: EndpointCounters,
        record: ConnectionRecord,
    ) -> None:
        super().__init__()
        self._flows = flows
        self.listener = listener
        self.client = client
        self.sock = sock
        self.counters = counters
        self.record = record

    def send(self, datagram: memoryview, now: float) -> None:
        """Pass a datagram of the client on."""
        try:
            try:
                self.sock.send(datagram)
            except ConnectionRefusedError:  # of a datagram before this one, which has not been sent
                self._refused(now)
                self.sock.send(datagram)
        except OSError:
            self._flows.counters.errors["datagram_dropped"] += 1
            return
        self.counters.bytes_to_endpoint += len(datagram)
        self.record.bytes_to_endpoint += len(datagram)
        self._flows.table.sent(self, now)

    def on_event(self, events: int) -> None:
        """Pass on what the endpoint has sent: the other half of the hot path."""
        del events
        flows, buffer, receive, reply = self._flows, self._flows.buffer, self.sock.recv_into, self.listener.sock.sendto
        now = flows.clock()
        replies = total = 0
        for _ in range(REPLIES_PER_TURN):
            try:
                count = receive(buffer)
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                self._refused(now)
                continue
            except OSError:
                flows.counters.errors["receive_failed"] += 1
                continue
            try:
                reply(buffer[:count], self.client)
            except OSError:
                flows.counters.errors["datagram_dropped"] += 1
                continue
            replies += 1
            total += count
        if replies:
            self.counters.bytes_to_client += total
            self.record.bytes_to_client += total
            flows.table.replied(self, now)

    def _refused(self, now: float) -> None:
        """Pass the endpoint's refusal on. The flow stays: it ends with its endpoint, or when it is idle."""
        self._flows.counters.errors["port_unreachable"] += 1
        self.listener.refuse(self.client, now)


def _connect(target: tuple[str, int], client: str) -> socket.socket:
    """Return a socket that is connected to ``target`` from the client's own address, so that the pod sees who it is.

    An address from which ``target`` cannot be reached is not insisted on.
    """
    source = source_for(client, target[0])
    if source:
        try:
            return _open(target, source)
        except OSError as error:
            if error.errno in OUT_OF_DESCRIPTORS:
                raise
    return _open(target, "")


def _open(target: tuple[str, int], source: str) -> socket.socket:
    sock = open_socket("UDP", target[0])
    try:
        if source:
            sock.bind((source, 0))
        sock.connect(target)
    except OSError:
        sock.close()
        raise
    return sock
