"""TCP connections through the proxy: the sockets of every ``Relay`` and the bytes between them.

Decides nothing that ``relay`` or ``load_balancer`` can decide. No task, future or transport per connection; one
receive buffer for all of them. A stalled peer costs at most one buffer of memory per direction, because its source is
not read meanwhile. A dial has its own timer, so that one slow endpoint never delays another client.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from socket import SocketType

from kubeproxy.counters import EndpointCounters, ProxyCounters
from kubeproxy.load_balancer import LoadBalancer
from kubeproxy.recent import ConnectionRecord, RecentConnections
from kubeproxy.targets import Targets
from kubeproxy.types import Destination, Route
from kubeproxy.userspace.live import LiveConnections
from kubeproxy.userspace.poller import (
    BROKEN,
    ENDED,
    INTERNAL_ERROR,
    NAME,
    READABLE,
    UNREGISTERED,
    URGENT,
    WRITABLE,
    Poller,
)
from kubeproxy.userspace.sockets import (
    REASONS,
    RESET_ON_CLOSE,
    ask_by_sending,
    begin_connect,
    is_at_mark,
    silent_seconds,
)
from kubeproxy.userspace.tcp.relay import EARLY_BYTES_LIMIT, Action, Relay, RelayState, Side

BUFFER_BYTES = 256 * 1024
"""Read at one go. Bulk upwards beside HAProxy, 6 rounds: 64 KiB 0.67, 128 KiB 0.88, 256 KiB 1.18 of its throughput."""

CLOSE_WAIT_SECONDS = 3600.0
"""How long a half-closed connection may be silent: kube-proxy's conntrack.tcpCloseWaitTimeout, else sockets leak."""


class Conntrack:
    """All connections of one proxy, and what they share."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        poller: Poller,
        targets: Targets,
        load_balancer: LoadBalancer,
        counters: ProxyCounters,
        recent: RecentConnections,
    ) -> None:
        self.loop = loop
        self.poller = poller
        self.targets = targets
        self.load_balancer = load_balancer
        self.counters = counters
        self.recent = recent
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.connections = LiveConnections[Connection]()

    def accept(self, sock: SocketType, client: str, destination: Destination, route: Route) -> None:
        """Take over an accepted socket of ``client`` (its address) and find it an endpoint."""
        record = self.recent.began(destination.protocol.lower(), client, destination, route)
        connection = Connection(self, sock, client, route, record)
        self.connections.add(connection)
        self.counters.active += 1
        try:
            connection.start()
        except Exception as fault:
            self.poller.faults.note(NAME, "a new connection", fault)
            connection.reset(INTERNAL_ERROR)

    def reap(self) -> None:
        """Reset the connections of which one side has ended and the other has been silent for CLOSE_WAIT_SECONDS."""
        for connection in tuple(self.connections):
            if connection.state in _HALF_CLOSED and connection.silence() > CLOSE_WAIT_SECONDS:
                connection.reset("half_closed_timeout")

    def reset_all(self) -> None:
        """End every connection by reset."""
        for connection in tuple(self.connections):
            connection.reset()


_CLIENT, _UPSTREAM = Side
_DIAL, _SHUT_CLIENT, _SHUT_UPSTREAM, _CLOSE, _ = Action
_HALF_CLOSED = (RelayState.HALF_CLOSED, RelayState.DRAINING)
_READING = READABLE | ENDED | URGENT
_AT_ONCE = int(socket.MSG_DONTWAIT)
_URGENTLY = int(socket.MSG_DONTWAIT | socket.MSG_OOB)
_MORE, _END, _RESET = range(3)
"""What comes after a chunk, for all that is known."""
_FLAGS = (_AT_ONCE, int(socket.MSG_DONTWAIT | socket.MSG_MORE), _AT_ONCE)
"""How it is sent: a chunk and the end after it are one packet."""


class _End:
    """One socket of a connection. ``peer`` is None until the upstream is connected; ``events`` is what it waits for."""

    __slots__ = ("connection", "events", "fd", "peer", "side", "sock")

    def __init__(self, connection: Connection, sock: SocketType, side: Side) -> None:
        self.connection = connection
        self.sock = sock
        self.fd = sock.fileno()
        self.side = side
        self.peer: _End | None = None
        self.events = UNREGISTERED

    def on_event(self, events: int) -> None:
        """Move what there is to the peer: the hot path."""
        if (self.events != _READING or events & URGENT) and not self._attend(events):
            return
        connection, peer = self.connection, self.peer
        assert peer is not None
        buffer = connection.conntrack.buffer
        try:
            count = self.sock.recv_into(buffer, 0, _AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            connection.reset("reset")
            return
        if not count:
            connection.on_end(self)
            return
        then = _MORE
        if events & ENDED and not events & URGENT:
            count, then = self._read_on(buffer, count)
        try:
            sent = peer.sock.send(buffer[:count], _FLAGS[then])
        except BlockingIOError:
            sent = 0
        except OSError:
            connection.reset("reset")
            return
        record, counters = connection.record, connection.counters
        assert counters is not None
        if self.side:
            counters.bytes_to_client += count
            record.bytes_to_client += count
        else:
            counters.bytes_to_endpoint += count
            record.bytes_to_endpoint += count
        if sent < count:
            connection.on_stalled(peer, bytes(buffer[sent:count]))
        if then:
            connection.on_last(self, is_reset=then == _RESET)

    def abandon(self) -> None:
        """End the connection."""
        self.connection.reset(INTERNAL_ERROR)

    def _read_on(self, buffer: memoryview, count: int) -> tuple[int, int]:
        """Read what else there is in front of the end; return all that was read, and what comes after it."""
        if count == BUFFER_BYTES:
            return count, _MORE
        try:
            more = self.sock.recv_into(buffer[count:], 0, _AT_ONCE)
        except BlockingIOError:
            return count, _MORE
        except OSError:  # it is told once
            return count, _RESET
        return count + more, _MORE if more else _END

    def _attend(self, events: int) -> bool:
        """Go on with what is not reading, and tell whether to read then."""
        if self.events & WRITABLE and events & (WRITABLE | BROKEN):
            self.connection.on_writable(self)
            return bool(self.peer and self.events & READABLE and events & READABLE)
        if self.events & READABLE and events & (READABLE | URGENT | BROKEN):
            if self.peer is not None:
                return not events & URGENT or self._pass_urgent(self.peer, events)
            self.connection.hear()
            return False
        if events & BROKEN:
            self.connection.on_broken(self)
        return False

    def _pass_urgent(self, peer: _End, events: int) -> bool:
        """Pass the urgent byte on as such if it is the next one; tell whether to read what is before it.

        A client's is in its place among the others (its listening socket has SO_OOBINLINE), an endpoint's beside them.
        """
        if not is_at_mark(self.fd):
            return bool(events & READABLE)
        try:
            byte = self.sock.recv(1, _URGENTLY if self.side else _AT_ONCE)
        except OSError:  # it was taken at the last event
            return bool(events & READABLE)
        try:
            peer.sock.send(byte, _URGENTLY)
        except BlockingIOError:
            self.connection.on_stalled(peer, byte)  # late, so it is not urgent any more
        except OSError:
            self.connection.reset("reset")
            return False
        self.connection.count(self.side, len(byte))
        return False


class Connection(Relay):
    """A relay with its sockets: one client and, once it has one, its endpoint."""

    __slots__ = ("_client", "_route", "_timer", "_tried", "_upstream", "address", "conntrack", "counters", "record")

    def __init__(
        self, conntrack: Conntrack, sock: SocketType, address: str, route: Route, record: ConnectionRecord
    ) -> None:
        super().__init__()
        self.conntrack = conntrack
        self.address = address
        self.record = record
        self.counters: EndpointCounters | None = None
        self._route = route
        self._client = _End(self, sock, _CLIENT)
        self._upstream: _End | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tried: tuple[str, ...] = ()

    def start(self) -> None:
        """Hear what the client has said by now, which spares waiting for it, and dial the first endpoint."""
        if self._has_heard():
            self._perform(self.dial())
            self._await_events()

    def hear(self) -> None:
        """Keep what the client says while its endpoint is dialled."""
        if self._has_heard():
            self._ask(self._client)

    def _has_heard(self) -> bool:
        """Take the client's first bytes, or its end; False if it is gone."""
        buffer = self.conntrack.buffer
        try:
            count = self._client.sock.recv_into(buffer, EARLY_BYTES_LIMIT, _AT_ONCE)
        except BlockingIOError:
            return True
        except OSError:
            self.reset("reset")
            return False
        if count:
            self.early(bytes(buffer[:count]))
        else:
            self.ended(_CLIENT)
        return True

    def count(self, source: Side, count: int) -> None:
        """Count what was moved; the hot path does so itself."""
        counters, record = self.counters, self.record
        assert counters is not None
        if source:
            counters.bytes_to_client += count
            record.bytes_to_client += count
        else:
            counters.bytes_to_endpoint += count
            record.bytes_to_endpoint += count

    def on_stalled(self, end: _End, rest: bytes) -> None:
        """Stop reading until ``end`` has taken the rest."""
        self.stalled(end.side, rest)
        self._await_events()

    def on_end(self, end: _End) -> None:
        """Pass the end of one direction on."""
        self._perform(self.ended(end.side))
        if not self.is_closed:
            self._ask(end)

    def on_last(self, end: _End, *, is_reset: bool) -> None:
        """Pass on what came after the last bytes."""
        if is_reset:
            self.reset("reset")
        else:
            self.on_end(end)

    def on_writable(self, end: _End) -> None:
        """Go on where ``end`` has stalled, or learn how its dial went."""
        if not self.is_connected:
            self._learn_outcome(end.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            return
        try:
            sent = end.sock.send(self.unsent[end.side], _AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            self.reset("reset")
            return
        self._perform(self.sent(end.side, sent))
        self._await_events()

    def on_broken(self, end: _End) -> None:
        """Pass a reset on that came while nobody read; after an orderly end wait until it may be read."""
        if end.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.reset("reset")
        else:
            end.events = self.conntrack.poller.hang_up(end.fd)

    def silence(self) -> float:
        """Return the seconds since bytes came from either side, as the kernel has counted them."""
        return min(silent_seconds(end.sock) for end in (self._client, self._upstream) if end is not None)

    def reset(self, reason: str = "") -> None:
        """End both sides by reset; ``reason`` is counted as an error."""
        if reason:
            self.conntrack.counters.errors[reason] += 1
            self.record.outcome = reason
        self._perform(self.fail())

    def _perform(self, action: Action | None) -> None:
        while action is not None:
            if action is _DIAL:
                action = self._dial()
            elif action is _SHUT_CLIENT or action is _SHUT_UPSTREAM:
                action = self._shut(action)
            else:
                self._close(is_reset=action is not _CLOSE)
                return

    def _shut(self, action: Action) -> Action | None:
        end = self._client if action is _SHUT_CLIENT else self._upstream
        assert end is not None
        try:
            end.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return self.fail()
        return None

    def _dial(self) -> Action | None:
        """Dial the next endpoint; on loopback the answer is often there at once."""
        conntrack, route, early, sent = self.conntrack, self._route, self.unsent[1], 0
        choice = self.record.choice = conntrack.load_balancer.next_endpoint(route, self.address, self._tried)
        if choice is None:
            conntrack.counters.errors["no_endpoints"] += 1
            self.record.outcome = "no_endpoints"
            return self.fail()
        self._tried = (*self._tried, choice.address)
        target = conntrack.targets.dial(route.port_name, choice.endpoint)
        if target is None:
            self._note_failure(errno.ELOOP)
            return self.dial()
        try:
            sock, code = begin_connect(target, self.address, route.port_name.protocol)
            if code == errno.EINPROGRESS:
                code, sent = ask_by_sending(sock, target, early)
        except OSError as error:
            self._note_failure(error.errno or 0)
            return self.fail()
        if code not in (0, errno.EINPROGRESS):
            sock.close()
            self._note_failure(code)
            return self.dial()
        self._upstream = _End(self, sock, _UPSTREAM)
        if not code:
            return self._connected(sent)
        self._timer = conntrack.loop.call_later(self.dial_timeout, self._learn_outcome, errno.ETIMEDOUT)
        return None

    def _learn_outcome(self, code: int) -> None:
        """Take the answer to a dial: 0, or why it failed."""
        self._cancel_timer()
        if code:
            self._note_failure(code)
            assert self._upstream is not None
            self.conntrack.poller.close_socket(self._upstream.sock)
            self._upstream = None
            self._perform(self.dial())
        else:
            self._perform(self._connected())
        self._await_events()

    def _note_failure(self, code: int) -> None:
        reason = REASONS.get(code, "connect_failed")
        self.conntrack.counters.errors[reason] += 1
        self.record.failed(reason)
        self.record.outcome = reason

    def _connected(self, sent: int = 0) -> Action | None:
        client, upstream, record = self._client, self._upstream, self.record
        assert upstream is not None
        client.peer, upstream.peer = upstream, client
        of_all = self.conntrack.counters
        self.counters = counters = of_all.endpoint(self._route.port_name, self._tried[-1])
        of_all.opened(counters)
        record.outcome = ""
        early = len(self.unsent[1])
        counters.bytes_to_endpoint += early
        record.bytes_to_endpoint += early
        action = self.connected()
        return self.sent(_UPSTREAM, sent) if sent else action

    def _await_events(self) -> None:
        """Ask the poller for what the relay wants now."""
        poller = self.conntrack.poller
        if self.is_closed:
            return
        client, upstream = self._client, self._upstream
        if client.events == UNREGISTERED and upstream is not None and self.is_flowing:
            poller.register(client.fd, _READING, client)
            poller.register(upstream.fd, _READING, upstream)
            client.events = upstream.events = _READING
            return
        for end in (client, upstream):
            if end is not None:
                self._ask(end)

    def _ask(self, end: _End) -> None:
        wanted = (_READING if end.peer else READABLE) if self.can_read(end.side) else 0
        if self.must_write(end.side):
            wanted |= WRITABLE
        if wanted != end.events:
            end.events = self.conntrack.poller.ask(end.fd, end.events, wanted, end)

    def _close(self, *, is_reset: bool) -> None:
        if self._timer is not None:
            self._cancel_timer()
        conntrack, record = self.conntrack, self.record
        for end in (self._client, self._upstream):
            if end is None:
                continue
            if is_reset:
                end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            conntrack.poller.close_socket(end.sock)
            end.peer = None
            end.events = 0
            del end.connection
        if self.counters is not None:
            conntrack.counters.closed(self.counters)
        conntrack.recent.ended(record, record.outcome or ("reset" if is_reset else "closed"))
        conntrack.connections.over(self)
        conntrack.counters.active -= 1

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
