"""Upgraded connections (101, WebSocket): relayed like TCP, but ended when nothing comes from either side for long."""

from __future__ import annotations

import socket
from socket import SocketType

from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.userspace.live import LiveConnections
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.sockets import network_of
from kubeproxy.userspace.tcp.io.connection import Connection
from kubeproxy.userspace.tcp.io.end import End
from kubeproxy.userspace.tcp.io.shared import TcpShared
from kubeproxy.userspace.tcp.relay import Side


class Tunnel(Connection):
    """A connection that begins with an endpoint."""

    __slots__ = ("_moved", "_moved_at")

    def __init__(self, shared: TcpShared, sock: SocketType, record: ConnectionRecord, now: float) -> None:
        super().__init__(shared, sock, record)
        self._moved = record.bytes_to_client + record.bytes_to_endpoint
        self._moved_at = now

    def start_established(
        self,
        upstream: SocketType,
        counters: EndpointCounters,
        unsent: tuple[bytes, bytes],
        *,
        has_client_ended: bool,
    ) -> None:
        """Begin; ``unsent`` has what each ``Side`` has still to be sent.

        ``counters`` count the connection already.
        """
        relay, end = self.relay, End(self, upstream, Side.UPSTREAM)
        self.upstream, self.counters = end, counters
        self.client.peer, end.peer = end, self.client
        relay.unsent[:] = unsent
        relay.has_ended[Side.CLIENT] = has_client_ended
        self.perform(relay.connected())
        self.await_events()

    def silence_at(self, now: float) -> float:
        """Return for how many seconds no bytes have come, as far as was seen when this was last asked."""
        record = self.record
        moved = record.bytes_to_client + record.bytes_to_endpoint
        if moved != self._moved:
            self._moved, self._moved_at = moved, now
        return now - self._moved_at


class Tunnels:
    """The tunnels of one data plane; each may be silent for ``most_silent`` seconds."""

    def __init__(self, parts: DataPlaneParts, most_silent: float) -> None:
        self.shared = TcpShared(parts)
        self.connections: LiveConnections[Tunnel] = self.shared.connections
        self._clock = parts.clock
        self._most_silent = most_silent

    def begin(self, client: SocketType, upstream: SocketType, record: ConnectionRecord) -> Tunnel:
        """Return a new tunnel, which owns the client's socket. Both sockets are still registered for HTTP."""
        self.shared.poller.unregister(client.fileno())
        self.shared.poller.unregister(upstream.fileno())
        # No urgent byte is lost in a tunnel; in HTTP there are none.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        tunnel = Tunnel(self.shared, client, record, self._clock())
        self.connections.add(tunnel)
        self.shared.counters.active += 1
        return tunnel

    def sweep(self, now: float) -> None:
        """Reset the tunnels that are silent for too long."""
        for tunnel in tuple(self.connections):
            if tunnel.silence_at(now) >= self._most_silent:
                tunnel.reset(Outcome.TUNNEL_TIMEOUT)

    def end_elsewhere(self, host: int) -> None:
        """Reset the tunnels with a side in another network than that with the number ``host``, which is gone."""
        for tunnel in tuple(self.connections):
            if any(network_of(end.sock) != host for end in (tunnel.client, tunnel.upstream) if end):
                tunnel.reset(Outcome.NETWORK_GONE)

    def reset_all(self) -> None:
        """End every tunnel by reset."""
        for tunnel in tuple(self.connections):
            tunnel.reset(Outcome.SHUTDOWN)
