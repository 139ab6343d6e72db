"""TCP connections through the proxy: the sockets of every ``Relay`` and the bytes between them.

Decides nothing that ``relay`` or ``load_balancer`` can decide. No task, future or transport per connection; one
receive buffer for all of them. A stalled peer costs at most one buffer of memory per direction, because its source is
not read meanwhile. A dial has its own timer, so that one slow endpoint never delays another client.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct

from kubeapi.network import Network
from kubeproxy.counters import EndpointCounters, ProxyCounters
from kubeproxy.live import LiveConnections
from kubeproxy.load_balancer import LoadBalancer
from kubeproxy.poller import BROKEN, READABLE, WRITABLE, Poller
from kubeproxy.recent import ConnectionRecord, RecentConnections
from kubeproxy.relay import Action, Relay, RelayState, Side
from kubeproxy.sockets import REASONS, RESET_ON_CLOSE, connect
from kubeproxy.types import Destination, Route

BUFFER_BYTES = 128 * 1024
"""Read at one go; about the default receive buffer of a loopback socket (net.ipv4.tcp_rmem)."""

CLOSE_WAIT_SECONDS = 3600.0
"""How long a half-closed connection may be silent: kube-proxy's conntrack.tcpCloseWaitTimeout, else sockets leak."""

_LAST_DATA_RECV = 52
"""Offset of tcpi_last_data_recv, in milliseconds, in struct tcp_info (linux/tcp.h)."""


class Conntrack:
    """All connections of one proxy, and what they share."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        poller: Poller,
        network: Network,
        load_balancer: LoadBalancer,
        counters: ProxyCounters,
        recent: RecentConnections,
    ) -> None:
        self.loop = loop
        self.poller = poller
        self.network = network
        self.load_balancer = load_balancer
        self.counters = counters
        self.recent = recent
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.connections = LiveConnections[Connection]()

    def accept(self, sock: socket.socket, client: str, destination: Destination, route: Route) -> None:
        """Take over an accepted, non-blocking socket of ``client`` (its address) and find it an endpoint."""
        record = self.recent.began(destination.protocol.lower(), client, destination, route)
        connection = Connection(self, sock, client, route, record)
        self.connections.add(connection)
        self.counters.active += 1
        connection.start()

    def forget(self, connection: Connection) -> None:
        """Take note that a connection is over."""
        self.connections.over(connection)
        self.counters.active -= 1

    def reap(self) -> None:
        """Reset the connections of which one side has ended and the other has been silent for CLOSE_WAIT_SECONDS."""
        for connection in tuple(self.connections):
            if connection.relay.state in _HALF_CLOSED and connection.silence() > CLOSE_WAIT_SECONDS:
                connection.reset("half_closed_timeout")

    def reset_all(self) -> None:
        """End every connection by reset."""
        for connection in tuple(self.connections):
            connection.reset()


_HALF_CLOSED = (RelayState.HALF_CLOSED, RelayState.DRAINING)
_UNREGISTERED = -1
_FINISHED = -2


class _End:
    """One socket of a connection. ``peer`` is None until the upstream is connected; ``events`` is what it waits for."""

    __slots__ = ("connection", "events", "fd", "peer", "side", "sock")

    def __init__(self, connection: Connection, sock: socket.socket, side: Side) -> None:
        self.connection = connection
        self.sock = sock
        self.fd = sock.fileno()
        self.side = side
        self.peer: _End | None = None
        self.events = _UNREGISTERED

    def on_event(self, events: int) -> None:
        if self.events & WRITABLE and events & (WRITABLE | BROKEN):
            self.connection.on_writable(self)
            if not self.events & READABLE:
                return
        if self.events & READABLE and events & (READABLE | BROKEN):
            self._read()
        elif events & BROKEN:
            self.connection.on_broken(self)

    def _read(self) -> None:
        """Move what there is to the peer: the hot path."""
        connection, peer = self.connection, self.peer
        buffer = connection.conntrack.buffer
        try:
            count = self.sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            connection.reset("reset")
            return
        if not count:
            connection.on_end(self)
            return
        if peer is None:
            connection.on_early(bytes(buffer[:count]))
            return
        try:
            sent = peer.sock.send(buffer[:count])
        except BlockingIOError:
            sent = 0
        except OSError:
            connection.reset("reset")
            return
        connection.count(self.side, count)
        if sent < count:
            connection.on_stalled(peer, bytes(buffer[sent:count]))


class Connection:
    """One client, its endpoint once it has one, and the relay that decides for both."""

    __slots__ = (
        "_client",
        "_counters",
        "_record",
        "_route",
        "_timer",
        "_tried",
        "_upstream",
        "address",
        "conntrack",
        "relay",
    )

    def __init__(
        self, conntrack: Conntrack, sock: socket.socket, address: str, route: Route, record: ConnectionRecord
    ) -> None:
        self.conntrack = conntrack
        self.address = address
        self.relay = Relay()
        self._route = route
        self._record = record
        self._client = _End(self, sock, Side.CLIENT)
        self._upstream: _End | None = None
        self._counters: EndpointCounters | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tried: tuple[str, ...] = ()

    def start(self) -> None:
        """Dial the first endpoint."""
        self._perform(self.relay.dial())
        self._await_events()

    def count(self, source: Side, count: int) -> None:
        """Count bytes that came from ``source``."""
        counters = self._counters
        if counters is None:
            return
        if source:
            counters.bytes_to_client += count
            self._record.bytes_to_client += count
        else:
            counters.bytes_to_endpoint += count
            self._record.bytes_to_endpoint += count

    def on_early(self, received: bytes) -> None:
        """Keep the client's first bytes while its endpoint is dialled."""
        self.relay.early(received)
        self._await_events()

    def on_stalled(self, end: _End, rest: bytes) -> None:
        """Stop reading until ``end`` has taken the rest."""
        self.relay.stalled(end.side, rest)
        self._await_events()

    def on_end(self, end: _End) -> None:
        """Pass the end of one direction on."""
        self._perform(self.relay.ended(end.side))
        self._await_events()

    def on_writable(self, end: _End) -> None:
        """Go on where ``end`` has stalled, or learn how its dial went."""
        if self.relay.is_closed:
            return
        if not self.relay.is_connected:
            self._learn_outcome(end.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            return
        try:
            sent = end.sock.send(self.relay.unsent[end.side])
        except BlockingIOError:
            return
        except OSError:
            self.reset("reset")
            return
        self._perform(self.relay.sent(end.side, sent))
        self._await_events()

    def on_broken(self, end: _End) -> None:
        """Pass a reset on that came while nobody read; after an orderly end just stop listening to it."""
        if self.relay.is_closed:
            return
        if end.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.reset("reset")
        elif not self.relay.can_read(end.side) and not self.relay.must_write(end.side):
            self.conntrack.poller.unregister(end.fd)
            end.events = _FINISHED

    def silence(self) -> float:
        """Return the seconds since bytes came from either side, as the kernel has counted them."""
        return min(_silence(end.sock) for end in (self._client, self._upstream) if end is not None)

    def reset(self, reason: str = "") -> None:
        """End both sides by reset; ``reason`` is counted as an error."""
        if reason:
            self.conntrack.counters.errors[reason] += 1
            self._record.outcome = reason
        self._perform(self.relay.fail())

    def _perform(self, action: Action | None) -> None:
        while action is not None:
            action = self._act(action)

    def _act(self, action: Action) -> Action | None:
        if action is Action.DIAL:
            return self._dial()
        if action is Action.RESET:
            self._close(is_reset=True)
        elif action is Action.CLOSE:
            self._close(is_reset=False)
        else:
            end = self._client if action is Action.SHUT_CLIENT else self._upstream
            assert end is not None
            try:
                end.sock.shutdown(socket.SHUT_WR)
            except OSError:
                return self.relay.fail()
        return None

    def _dial(self) -> Action | None:
        """Dial the next endpoint; on loopback the answer is often there at once."""
        errors = self.conntrack.counters.errors
        choice = self.conntrack.load_balancer.next_endpoint(self._route, self.address, self._tried)
        self._record.choice = choice
        if choice is None:
            errors["no_endpoints"] += 1
            self._record.outcome = "no_endpoints"
            return self.relay.fail()
        endpoint = choice.endpoint
        self._tried = (*self._tried, endpoint.address)
        try:
            target = self.conntrack.network.dial(endpoint.ip, endpoint.port)
            sock, code = connect(target, self.address, self._route.service.protocol)
        except OSError as error:
            self._note_failure(error.errno or 0)
            return self.relay.fail()
        if code not in (0, errno.EINPROGRESS):
            sock.close()
            self._note_failure(code)
            return self.relay.dial()
        self._upstream = _End(self, sock, Side.UPSTREAM)
        if not code:
            return self._connected()
        self._timer = self.conntrack.loop.call_later(self.relay.dial_timeout, self._learn_outcome, errno.ETIMEDOUT)
        return None

    def _learn_outcome(self, code: int) -> None:
        """Take the answer to a dial: 0, or why it failed."""
        self._cancel_timer()
        if code:
            self._note_failure(code)
            assert self._upstream is not None
            self.conntrack.poller.close_socket(self._upstream.sock)
            self._upstream = None
            self._perform(self.relay.dial())
        else:
            self._perform(self._connected())
        self._await_events()

    def _note_failure(self, code: int) -> None:
        reason = REASONS.get(code, "connect_failed")
        self.conntrack.counters.errors[reason] += 1
        self._record.failed(reason)
        self._record.outcome = reason

    def _connected(self) -> Action | None:
        assert self._upstream is not None
        self._client.peer, self._upstream.peer = self._upstream, self._client
        counters = self.conntrack.counters
        self._counters = counters.endpoint(self._route.service, self._tried[-1])
        self._record.outcome = ""
        counters.opened(self._counters)
        self.count(Side.CLIENT, len(self.relay.unsent[Side.UPSTREAM]))
        return self.relay.connected()

    def _await_events(self) -> None:
        """Ask the poller for what the relay wants now."""
        if self.relay.is_closed:
            return
        for end in (self._client, self._upstream):
            if end is None:
                continue
            wanted = READABLE if self.relay.can_read(end.side) else 0
            if self.relay.must_write(end.side):
                wanted |= WRITABLE
            self._ask(end, wanted)

    def _ask(self, end: _End, wanted: int) -> None:
        if wanted == end.events or end.events == _FINISHED:
            return
        if end.events == _UNREGISTERED:
            self.conntrack.poller.register(end.fd, wanted, end)
        else:
            self.conntrack.poller.modify(end.fd, wanted)
        end.events = wanted

    def _close(self, *, is_reset: bool) -> None:
        self._cancel_timer()
        for end in (self._client, self._upstream):
            if end is None:
                continue
            if is_reset:
                end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.conntrack.poller.close_socket(end.sock)
            end.peer = None
            end.events = 0
        if self._counters is not None:
            self.conntrack.counters.closed(self._counters)
        orderly = "reset" if is_reset else "closed"
        self.conntrack.recent.ended(self._record, self._record.outcome or orderly)
        self.conntrack.forget(self)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _silence(sock: socket.socket) -> float:
    try:
        described = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    except OSError:  # SCTP, which has no half-closed connections to reap
        return 0.0
    (milliseconds,) = struct.unpack_from("I", described, _LAST_DATA_RECV)
    return float(milliseconds) / 1000
