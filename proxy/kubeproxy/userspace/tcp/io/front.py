"""The relayed connections of one data plane: they begin here, and are looked at when they are silent."""

from __future__ import annotations

from socket import SocketType

from kubeproxy import NAME
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.types import Destination, Route
from kubeproxy.userspace.live import LiveConnections
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.tcp.io.connection import Connection
from kubeproxy.userspace.tcp.io.shared import TcpShared

CLOSE_WAIT_SECONDS = 3600.0
"""How long a half-closed connection may be silent: kube-proxy's conntrack.tcpCloseWaitTimeout, else sockets leak."""


class TcpFront:
    """Takes over accepted sockets and relays each to an endpoint."""

    def __init__(self, parts: DataPlaneParts) -> None:
        self.shared = TcpShared(parts)
        self.connections: LiveConnections[Connection] = self.shared.connections

    def accept(self, sock: SocketType, client: str, client_port: int, destination: Destination, route: Route) -> None:
        """Own an accepted socket of a client, given by address and port, from now on, and find it an endpoint."""
        shared = self.shared
        record = shared.recent.began(destination.protocol.lower(), client, client_port, destination, route)
        connection = Connection(shared, sock, record)
        self.connections.add(connection)
        shared.counters.active += 1
        try:
            connection.start()
        except Exception as failure:
            shared.poller.failures.note(NAME, "a new connection", failure)
            connection.reset(Outcome.INTERNAL_ERROR)

    def reap(self) -> None:
        """Reset the connections of which one side has ended and the other has been silent for CLOSE_WAIT_SECONDS."""
        for connection in tuple(self.connections):
            if connection.relay.is_half_closed and _silence(connection) > CLOSE_WAIT_SECONDS:
                connection.reset(Outcome.HALF_CLOSED_TIMEOUT)

    def end_elsewhere(self, host: int) -> None:
        """Reset the connections with a side in another network than that with the number ``host``, which is gone."""
        for connection in tuple(self.connections):
            if any(end.is_elsewhere(host) for end in (connection.client, connection.upstream) if end):
                connection.reset(Outcome.NETWORK_GONE)

    def reset_all(self) -> None:
        """End every connection by reset."""
        for connection in tuple(self.connections):
            connection.reset()


def _silence(connection: Connection) -> float:
    """Return the seconds since bytes came from either side."""
    return min(end.silence() for end in (connection.client, connection.upstream) if end is not None)
