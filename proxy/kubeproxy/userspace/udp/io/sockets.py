"""The sockets where UDP Service ports are asked: in a turn one call receives what all clients have sent to one."""

from __future__ import annotations

import socket
from socket import SocketType

from kubehost.io.datagrams import address_of
from kubeproxy.rules import Listener
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.userspace.accepting import FindRoute
from kubeproxy.userspace.udp.io.flow import AskedSocket, Client, UdpFlow
from kubeproxy.userspace.udp.io.flows import UdpFlows
from kubeproxy.userspace.udp.io.refusal import PROBE, Refuse

RECEIVE_BUFFER_BYTES = 1024 * 1024
"""Asked for at a listener, for bursts; the kernel caps it at net.core.rmem_max."""

PROBE_BYTES = len(PROBE)


class DatagramSocket(AskedSocket):
    """A bound, non-blocking socket, which it owns; the caller registers it with the poller."""

    __slots__ = ("_find_route", "_flows", "_inbox")

    def __init__(
        self, flows: UdpFlows, sock: SocketType, listener: Listener, find_route: FindRoute, refuse: Refuse
    ) -> None:
        super().__init__(flows.shared, sock, listener, refuse)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._flows = flows
        self._inbox = flows.shared.inboxes[sock.family]
        self._find_route = find_route

    def on_event(self, events: int) -> None:
        """Pass on what clients have sent: the hot path."""
        del events
        clients, now = self.clients, self._shared.clock()
        for size, room, client in self._inbox.received(self._receive()):
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
            flow.questions += 1
            flow.seen_at = now
            flow.counters.bytes_to_endpoint += size
            flow.record.bytes_to_endpoint += size

    def _receive(self) -> int:
        """Return how many datagrams have been received."""
        try:
            return self._inbox.receive(self.sock)
        except BlockingIOError:
            return 0
        except OSError:
            self._shared.counters.errors[Outcome.RECEIVE_FAILED] += 1
            return 0

    def abandon(self) -> None:
        """Keep receiving: a fault costs only the datagrams that had been read, and UDP allows losses."""

    def update(self, listener: Listener) -> None:
        """Apply a listener's changed settings to new flows."""
        self.listener = listener

    def close(self) -> None:
        """Close the socket and end its flows; from now on the kernel refuses clients."""
        for flow in tuple(self.clients.values()):
            flow.end()
        self._shared.poller.close_socket(self.sock)

    def _begin(self, client: Client, now: float) -> UdpFlow | None:
        host, _ = address_of(self.sock.family, client)
        route = self._find_route(host, self.listener.destination)
        if route is None:
            self._shared.counters.errors[Outcome.NO_ROUTE] += 1
            return None
        return self._flows.begin(self, client, route, now)
