"""The endpoint's end of a connection that travels through a tunnel: no socket, and no event of the poller."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.tunnels import OpenTunnel, Tunnel
from kubeproxy.types import Endpoint
from kubeproxy.userspace.poller import READABLE, UNREGISTERED, WRITABLE
from kubeproxy.userspace.tcp.io.end import NOTHING, Owner
from kubeproxy.userspace.tcp.io.timedend import TimedEnd
from kubeproxy.userspace.tcp.relay import Side

P = ParamSpec("P")


class TunnelEnd(TimedEnd):
    """Reads a tunnel (``TunnelReader``); what the tunnel tells is handled as an event of the poller is."""

    __slots__ = ("_heard_at", "_tunnel")

    _tunnel: Tunnel

    def __init__(self, connection: Owner, side: Side) -> None:
        self.connection = connection
        self.side = side
        self.peer = None
        self.events = UNREGISTERED
        self.fd = -1
        self._dialled_at = self._heard_at = connection.shared.clock()

    def open(self, open_tunnel: OpenTunnel, endpoint: Endpoint) -> bool:
        """Open a tunnel to an endpoint; False if a socket leads there."""
        tunnel = open_tunnel(endpoint.ip, endpoint.port, self)
        if tunnel is None:
            return False
        self._tunnel = self.sink = tunnel
        return True

    # What the connection asks of an end.

    def ask(self, wanted: int) -> None:
        """Wait for these events from now on; bytes that the tunnel has kept come at once."""
        before, self.events = self.events, wanted
        if (wanted ^ before) & READABLE or before == UNREGISTERED:
            self._tunnel.read(bool(wanted & READABLE))

    def shut(self) -> None:
        """Tell the endpoint that no more bytes come."""
        self._tunnel.shut()

    def close(self, *, is_reset: bool) -> None:
        """Close the tunnel."""
        self._tunnel.close(is_reset=is_reset)

    def is_elsewhere(self, host: int) -> bool:
        """Return False: it is in no network."""
        del host
        return False

    def silence(self) -> float:
        """Return the seconds since bytes came."""
        return self.connection.shared.clock() - self._heard_at

    # What the tunnel tells.

    def on_bytes(self, content: bytes) -> None:
        """Pass them on to the client."""
        self._handle(self._bytes, content)

    def _bytes(self, content: bytes) -> None:
        self._heard_at = self.connection.shared.clock()
        self._pass_on(content, len(content), NOTHING)

    def on_end(self) -> None:
        """Pass the end on."""
        self._handle(self.connection.on_end, self)

    def on_room(self) -> None:
        """Send what the tunnel did not take before."""
        if self.events & WRITABLE:
            self._handle(self.connection.on_writable, self)

    def on_reset(self) -> None:
        """Reset the client."""
        self._handle(self.connection.reset, Outcome.RESET)

    def _handle(self, act: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Act, and let a failure cost this connection alone."""
        try:
            act(*args, **kwargs)
        except Exception as failure:
            self.connection.shared.poller.abandon(self, failure)
