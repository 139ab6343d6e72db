"""All UDP flows of one data plane: they begin here, and end when they are idle or lose their endpoint.

A flow is one client address and port at one listening socket; its endpoint is chosen once, with its first datagram.
Decides nothing that ``flowtable`` or the load balancer can decide. No task, future or transport.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from socket import SocketType

from kubehost.io.datagrams import address_of
from kubeproxy.telemetry.outcomes import CONNECT_OUTCOMES, Outcome
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.types import Choice, Route, ServicePortName
from kubeproxy.userspace.dialling import OUT_OF_DESCRIPTORS
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.poller import READABLE
from kubeproxy.userspace.sockets import network_of
from kubeproxy.userspace.udp.io.flow import AskedSocket, Client, UdpFlow, UdpShared

REAP_SECONDS = 1.0
"""How often idle flows are looked for."""


class UdpFlows:
    """The flows and the timer that ends idle ones, which runs only while there are flows.

    A socket with a number from the data plane's ``ceiling`` on takes the place of an older flow.
    """

    def __init__(self, parts: DataPlaneParts, *, limit: int | None = None) -> None:
        self.shared = UdpShared(parts, limit)
        self.table = self.shared.table
        self._parts = parts
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.table)

    def retain(self, port_name: ServicePortName, serving: Collection[str]) -> None:
        """End the flows to endpoints that are not among the ``serving`` (``ip:port``), unless nothing serves.

        As kube-proxy cleans up connection tracking after a sync (pkg/proxy/conntrack/cleanup.go).
        """
        if not serving:
            return
        for flow in tuple(self.shared.by_port.get(port_name, ())):
            if flow.counters.address not in serving:
                flow.end(Outcome.ENDPOINT_GONE)

    def end_elsewhere(self, host: int) -> None:
        """End the flows to endpoints in another network than that with the number ``host``, which is gone."""
        for flow in tuple(self.table):
            if network_of(flow.sock) != host:
                flow.end(Outcome.NETWORK_GONE)

    def end_client(self, address: str) -> None:
        """End the flows of a client whose network ends: a flow's socket there would keep it alive."""
        for flow in tuple(self.table):
            if flow.record.client == address:
                flow.end(Outcome.NETWORK_GONE)

    def reap(self, now: float) -> None:
        """End the flows that have been idle for too long."""
        for flow in self.table.expired(now):
            flow.end()

    def close_all(self) -> None:
        """End every flow; the sockets that clients ask are closed by their owner."""
        for flow in tuple(self.table):
            flow.end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def begin(self, asked: AskedSocket, client: Client, route: Route, now: float) -> UdpFlow | None:
        """Choose the endpoint of a new flow; None if there is none, or no socket for it."""
        parts = self._parts
        host, port = address_of(asked.sock.family, client)
        record = parts.recent.began("udp", host, port, asked.listener.destination, route)
        choice = record.choice = parts.load_balancer.next_endpoint(route, record)
        if choice is None:
            self._fail(record, Outcome.NO_ENDPOINTS)
            return None
        if self.table.is_full:
            self._drop_early()
        sock = self._dial(record, choice)
        if sock is None:
            return None
        if sock.fileno() >= parts.ceiling:
            self._drop_early()
        flow = UdpFlow(self.shared, asked, client, sock, record)
        self.table.add(flow, now)
        self.shared.by_port.setdefault(route.port_name, set()).add(flow)
        asked.clients[client] = flow
        parts.poller.register(sock.fileno(), READABLE, flow)
        self._schedule_reap()
        return flow

    def _dial(self, record: ConnectionRecord, choice: Choice) -> SocketType | None:
        """Return a socket that is connected to the chosen endpoint, None (and the record ended) if there is none."""
        target = self._parts.targets.dial(record.route.port_name, choice.endpoint)
        if target is None:
            self._fail(record, Outcome.PROXY_LOOP)
            return None
        try:
            return self._parts.dialler.open_datagrams(target, record.client)
        except OSError as error:
            if error.errno in OUT_OF_DESCRIPTORS:
                self._drop_early()
            else:
                self._parts.counters.unreachable(record.route.port_name, choice.address)
            self._fail(record, CONNECT_OUTCOMES.get(error.errno or 0, Outcome.CONNECT_FAILED))
            return None

    def _fail(self, record: ConnectionRecord, reason: str) -> None:
        self._parts.counters.errors[reason] += 1
        self._parts.recent.ended(record, reason)

    def _drop_early(self) -> None:
        victim = self.table.victim()
        if victim is not None:
            self._parts.counters.errors[Outcome.EARLY_DROP] += 1
            victim.end(Outcome.EARLY_DROP)

    def _schedule_reap(self) -> None:
        if self._timer is None:
            self._timer = self._parts.loop.call_later(REAP_SECONDS, self._reap)

    def _reap(self) -> None:
        self._timer = None
        self.reap(self._parts.clock())
        if self.table:
            self._schedule_reap()
