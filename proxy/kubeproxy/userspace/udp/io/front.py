"""UDP through the proxy: the listening sockets, one upstream socket per flow, and the datagrams between them.

Decides nothing that ``udpflows`` or ``load_balancer`` can decide. A flow is one client address and port at one
listener; its endpoint is chosen once, with its first datagram. No task, future or transport. In a turn of the poller
one call receives what clients have sent to a listener, and one sends what their endpoints have replied, through the
listening socket, so from the address and port that was asked. Datagrams are passed on whole, or not at all: a full
socket drops them, as the network does.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import socket
import sys
from collections.abc import Callable, Collection

from kubehost.addresses import LOCALHOST, source_for
from kubehost.io.datagrams import SLOTS, Batch, address_of, viewing_rooms
from kubeproxy.counters import EndpointCounters, ProxyCounters
from kubeproxy.load_balancer import LoadBalancer
from kubeproxy.recent import ConnectionRecord, RecentConnections
from kubeproxy.rules import Listener
from kubeproxy.targets import Targets
from kubeproxy.types import Destination, Route, ServicePortName
from kubeproxy.userspace.poller import INTERNAL_ERROR, READABLE, Poller
from kubeproxy.userspace.sockets import REASONS, is_connected_to_itself, open_socket
from kubeproxy.userspace.udp.flows import FlowTable, RefusalBudget, TrackedFlow, flow_limit
from kubeproxy.userspace.udp.io.refusal import PROBE, pass_refusal_on

DATAGRAM_BYTES = 64 * 1024
"""The longest datagram, 65507 bytes by IPv4 and 65527 by IPv6, fits."""

RECEIVE_BUFFER_BYTES = 1024 * 1024
"""Asked for at a listener, for bursts; the kernel caps it at net.core.rmem_max."""

REPLIES_PER_TURN = 16
"""Datagrams of one endpoint to one client before the others have their turn."""

REAP_SECONDS = 1.0
"""How often idle flows are looked for."""

PROBE_BYTES = len(PROBE)

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

Client = bytes
"""A peer's address and port as the kernel writes them: a key that costs no more than a copy."""

FindRoute = Callable[[str, Destination], Route | None]
"""Returns the route of a client's new flow, None if it is dropped."""


class UdpFlows:
    """All flows of one proxy, and what they share. ``limit`` bounds them, by default to half of RLIMIT_NOFILE.

    A socket with a number from ``ceiling`` on takes the place of an older flow.

    Idle flows are ended by a timer on ``loop``, which runs only while there are flows.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        poller: Poller,
        targets: Targets,
        load_balancer: LoadBalancer,
        counters: ProxyCounters,
        recent: RecentConnections,
        *,
        clock: Callable[[], float],
        limit: int | None = None,
        ceiling: int = sys.maxsize,
    ) -> None:
        self.poller = poller
        self.counters = counters
        self.recent = recent
        self.clock = clock
        self.inboxes = {int(family): _batch() for family in (socket.AF_INET, socket.AF_INET6)}
        self.table: FlowTable[UdpFlow] = FlowTable(limit or flow_limit(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
        self._loop = loop
        self._ceiling = ceiling
        self._targets = targets
        self._load_balancer = load_balancer
        self._by_service: dict[ServicePortName, set[UdpFlow]] = {}
        self._outbox = _batch()
        self._replies: list[tuple[UdpFlow, int]] = []
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

    def retain(self, port_name: ServicePortName, serving: Collection[str]) -> None:
        """End the flows to endpoints that are not among the ``serving`` (``ip:port``), unless nothing serves.

        As kube-proxy cleans up connection tracking after a sync (pkg/proxy/conntrack/cleanup.go).
        """
        if not serving:
            return
        for flow in tuple(self._by_service.get(port_name, ())):
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
        host, _ = address_of(listener.sock.family, client)
        record = self.recent.began("udp", host, listener.listener.destination, route)
        choice = record.choice = self._load_balancer.next_endpoint(route, host)
        if choice is None:
            self._fail(record, "no_endpoints")
            return None
        if self.table.is_full:
            self._drop_early()
        endpoint = choice.endpoint
        target = self._targets.dial(route.port_name, endpoint)
        if target is None:
            self._fail(record, REASONS[errno.ELOOP])
            return None
        try:
            sock = _connect(target, host)
        except OSError as error:
            if error.errno in OUT_OF_DESCRIPTORS:
                self._drop_early()
            self._fail(record, REASONS.get(error.errno or 0, "connect_failed"))
            return None
        if sock.fileno() >= self._ceiling:
            self._drop_early()
        counters = self.counters.endpoint(route.port_name, endpoint.address)
        flow = UdpFlow(self, listener, client, sock, counters, record)
        self.counters.opened(counters)
        self.table.add(flow, now)
        self._by_service.setdefault(route.port_name, set()).add(flow)
        self.poller.register(sock.fileno(), READABLE, flow)
        self._schedule_reap()
        return flow

    def end(self, flow: UdpFlow, outcome: str = "closed") -> None:
        """Forget a flow: the client's next datagram begins another. ``outcome`` is for who asks later."""
        self.table.remove(flow)
        self.recent.ended(flow.record, outcome)
        port_name = flow.counters.port_name
        flows = self._by_service[port_name]
        flows.remove(flow)
        if not flows:
            del self._by_service[port_name]
        flow.listener.forget(flow)
        self.counters.closed(flow.counters)
        self.poller.close_socket(flow.sock)

    def take_replies(self, flow: UdpFlow, limit: int) -> None:
        """Receive up to ``limit`` datagrams of an endpoint, which leave when the turn ends: the other hot path."""
        replies, rooms = self._replies, self._outbox.rooms
        for _ in range(limit):
            if len(replies) == SLOTS:
                self._send_replies()
            try:
                size = flow.receive(rooms[len(replies)])
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                flow.refused(self.clock())
                continue
            except OSError:
                self.counters.errors["receive_failed"] += 1
                continue
            if not replies:
                self.poller.at_turn_end(self._send_replies)
            replies.append((flow, size))

    def _send_replies(self) -> None:
        """Send what was received, with one call for neighbours that leave by the same socket."""
        replies, address, now = self._replies, self._outbox.address, self.clock()
        listener, begin = None, 0
        for slot, (flow, size) in enumerate(replies):
            if flow.listener is not listener:
                self._send_by(listener, begin, slot)
                listener, begin = flow.listener, slot
            address(slot, flow.client, size)
            flow.counters.bytes_to_client += size
            flow.record.bytes_to_client += size
            flow.seen_at = now
            if not flow.is_answered:
                self.table.answered(flow)
        self._send_by(listener, begin, len(replies))
        replies.clear()

    def _send_by(self, listener: UdpListener | None, begin: int, end: int) -> None:
        if listener is None:
            return
        for slot in self._outbox.send(listener.sock, begin, end):
            flow, size = self._replies[slot]
            flow.counters.bytes_to_client -= size
            flow.record.bytes_to_client -= size
            self.counters.errors["datagram_dropped"] += 1

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

    __slots__ = ("_clients", "_find_route", "_flows", "_inbox", "_refusals", "listener", "sock")

    def __init__(self, flows: UdpFlows, sock: socket.socket, listener: Listener, find_route: FindRoute) -> None:
        self.sock = sock
        self.listener = listener
        self._flows = flows
        self._inbox = flows.inboxes[sock.family]
        self._find_route = find_route
        self._clients: dict[Client, UdpFlow] = {}
        self._refusals = RefusalBudget()

    def on_event(self, events: int) -> None:
        """Pass on what clients have sent: the hot path."""
        del events
        clients, now = self._clients, self._flows.clock()
        try:
            count = self._inbox.receive(self.sock)
        except BlockingIOError:
            return
        except OSError:
            self._flows.counters.errors["receive_failed"] += 1
            return
        for size, room, client in self._inbox.received(count):
            datagram = room[:size]
            flow = clients.get(client)
            if flow is None or size == PROBE_BYTES:
                if datagram == PROBE:
                    continue
                flow = flow or self._begin(client, now)
                if flow is None:
                    continue
            try:
                flow.send(datagram)
            except OSError as error:
                if not flow.is_sent_after(error, datagram, now):
                    continue
            flow.asked += 1
            flow.seen_at = now
            flow.counters.bytes_to_endpoint += size
            flow.record.bytes_to_endpoint += size

    def abandon(self) -> None:
        """Go on: what has come is lost, as UDP may lose it."""

    def update(self, listener: Listener) -> None:
        """Treat new flows otherwise."""
        self.listener = listener

    def close(self) -> None:
        """Close the socket and end its flows; who asks from now on is refused by the kernel."""
        for flow in tuple(self._clients.values()):
            self._flows.end(flow)
        self._flows.poller.close_socket(self.sock)

    def forget(self, flow: UdpFlow) -> None:
        """Record that a flow is over."""
        del self._clients[flow.client]

    def refuse(self, client: Client, now: float) -> None:
        """Tell a client that its endpoint refuses."""
        if not self._refusals.spend(now) or not pass_refusal_on(self.sock, address_of(self.sock.family, client)):
            self._flows.counters.errors["refusal_not_passed_on"] += 1

    def _begin(self, client: Client, now: float) -> UdpFlow | None:
        host, _ = address_of(self.sock.family, client)
        route = self._find_route(host, self.listener.destination)
        if route is None:
            self._flows.counters.errors["no_route"] += 1
            return None
        flow = self._flows.begin(self, client, route, now)
        if flow is not None:
            self._clients[client] = flow
        return flow


class UdpFlow(TrackedFlow):
    """One client and its endpoint. ``sock`` is connected to the endpoint."""

    __slots__ = ("_flows", "asked", "client", "counters", "listener", "receive", "record", "send", "sock")

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
        self.send = sock.send
        self.receive = sock.recv_into
        self.asked = 0

    def on_event(self, events: int) -> None:
        """Receive what the endpoint has sent.

        One question has one answer: then nothing is tried a second time, which would learn that there is no more.
        """
        del events
        limit = 1 if self.asked == 1 else REPLIES_PER_TURN
        self.asked = 0
        self._flows.take_replies(self, limit)

    def abandon(self) -> None:
        """End the flow."""
        self._flows.end(self, INTERNAL_ERROR)

    def is_sent_after(self, error: OSError, datagram: memoryview, now: float) -> bool:
        """Try once more where the error was another datagram's: the refusal of one before, which came just now."""
        if isinstance(error, ConnectionRefusedError):
            self.refused(now)
            with contextlib.suppress(OSError):
                self.send(datagram)
                return True
        self._flows.counters.errors["datagram_dropped"] += 1
        return False

    def refused(self, now: float) -> None:
        """Pass the endpoint's refusal on. The flow stays: it ends with its endpoint, or when it is idle."""
        self._flows.counters.errors["port_unreachable"] += 1
        if not self.record.failures:
            self.record.failed("port_unreachable")
        self.listener.refuse(self.client, now)


def _batch() -> Batch[memoryview]:
    return Batch(viewing_rooms(SLOTS, DATAGRAM_BYTES))


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
        if target[0] == (source or LOCALHOST) and is_connected_to_itself(sock, target):
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    except OSError:
        sock.close()
        raise
    return sock
