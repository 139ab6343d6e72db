"""One end of a relayed connection: it moves bytes to its peer, and tells its connection of everything else."""

from __future__ import annotations

import socket
from socket import SocketType
from typing import Protocol

from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.telemetry.outcomes import Outcome
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.userspace.parts import BUFFER_BYTES
from kubeproxy.userspace.poller import BROKEN, ENDED, READABLE, UNREGISTERED, URGENT, WRITABLE
from kubeproxy.userspace.sockets import RESET_ON_CLOSE, is_at_mark, network_of, silent_seconds
from kubeproxy.userspace.tcp.io.shared import TcpShared
from kubeproxy.userspace.tcp.relay import Side

READING = READABLE | ENDED | URGENT
"""What the end of a connection waits for when bytes flow both ways."""
AT_ONCE = int(socket.MSG_DONTWAIT)
NOTHING, _END, _BREAK, _URGENT = range(4)
"""What is known of a chunk: nothing, that the orderly end or a reset comes after it, or that it is an urgent byte."""
_FLAGS = (AT_ONCE, int(socket.MSG_DONTWAIT | socket.MSG_MORE), AT_ONCE, int(socket.MSG_DONTWAIT | socket.MSG_OOB))
"""How it is sent: with MSG_MORE the chunk and the end after it are one packet."""


class Owner(Protocol):
    """The connection of an end. ``counters`` are None until it has an endpoint."""

    shared: TcpShared
    record: ConnectionRecord
    counters: EndpointCounters | None

    def on_early(self) -> None:
        """Read the client while its endpoint is still being dialled."""
        ...

    def on_end(self, end: End) -> None:
        """Pass on that ``end`` sends no more."""
        ...

    def on_stalled(self, end: End, rest: bytes) -> None:
        """Keep the ``rest`` that ``end`` did not take, and stop reading its peer."""
        ...

    def on_writable(self, end: End) -> None:
        """Send what ``end`` did not take before, or learn how its dial went."""
        ...

    def on_broken(self, end: End) -> None:
        """Handle that both directions are over while nothing is read."""
        ...

    def reset(self, reason: str) -> None:
        """End both sides by reset; ``reason`` is counted as an error."""
        ...


class Sink(Protocol):
    """Where the bytes for an end go: its socket, or what stands for one."""

    def send(self, content: bytes | bytearray | memoryview, flags: int, /) -> int:
        """Take bytes and return how many; BlockingIOError for none, OSError if the connection is lost."""
        ...


class End:
    """One socket of a connection. ``peer`` is None until the upstream is connected; ``events`` is what it waits for.

    Its ``sink`` is the socket; what is no socket has an end of its own (``TunnelEnd``).
    """

    __slots__ = ("connection", "events", "fd", "peer", "side", "sink", "sock")

    def __init__(self, connection: Owner, sock: SocketType, side: Side) -> None:
        self.connection = connection
        self.sock = sock
        self.sink: Sink = sock
        self.fd = sock.fileno()
        self.side = side
        self.peer: End | None = None
        self.events = UNREGISTERED

    def ask(self, wanted: int) -> None:
        """Wait for these events from now on."""
        if wanted != self.events:
            self.events = self.connection.shared.poller.ask(self.fd, self.events, wanted, self)

    def shut(self) -> None:
        """Tell the peer outside that no more bytes come; OSError."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self, *, is_reset: bool) -> None:
        """Close the socket; nothing is moved any more."""
        if is_reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.connection.shared.poller.close_socket(self.sock)

    def error(self) -> int:
        """Return why the connection is lost, 0 if it is not."""
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def is_elsewhere(self, host: int) -> bool:
        """Tell whether it is in another network than that with the number ``host``."""
        return network_of(self.sock) != host

    def silence(self) -> float:
        """Return the seconds since bytes came from outside."""
        return silent_seconds(self.sock)

    def on_event(self, events: int) -> None:
        """Move what there is to the peer: the hot path."""
        if (self.events != READING or events & URGENT) and not self._attend(events):
            return
        connection = self.connection
        buffer = connection.shared.buffer
        try:
            count = self.sock.recv_into(buffer, 0, AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            connection.reset(Outcome.RESET)
            return
        if not count:
            connection.on_end(self)
        elif events & ENDED and not events & URGENT:
            self._pass_on(buffer, *self._read_on(buffer, count))
        else:
            self._pass_on(buffer, count, NOTHING)

    def _pass_on(self, buffer: memoryview | bytes, count: int, then: int) -> None:
        """Send ``count`` bytes to the peer, count them, and pass on what comes after them."""
        connection, peer = self.connection, self.peer
        assert peer is not None
        try:
            sent = peer.sink.send(buffer[:count], _FLAGS[then])
        except BlockingIOError:
            sent = 0
        except OSError:
            connection.reset(Outcome.RESET)
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
        if then == _END:
            connection.on_end(self)
        elif then == _BREAK:
            connection.reset(Outcome.RESET)

    def abandon(self) -> None:
        """End the connection."""
        self.connection.reset(Outcome.INTERNAL_ERROR)

    def _read_on(self, buffer: memoryview, count: int) -> tuple[int, int]:
        """Read what else there is in front of the end; return all that was read, and what comes after it."""
        if count == BUFFER_BYTES:
            return count, NOTHING
        try:
            more = self.sock.recv_into(buffer[count:], 0, AT_ONCE)
        except BlockingIOError:
            return count, NOTHING
        except OSError:  # the kernel tells an error once: what was read is still passed on, then the reset
            return count, _BREAK
        return count + more, NOTHING if more else _END

    def _attend(self, events: int) -> bool:
        """Handle events other than the usual reading; tell whether there is something to read then."""
        if self.events & WRITABLE and events & (WRITABLE | BROKEN):
            self.connection.on_writable(self)
            return bool(self.peer and self.events & READABLE and events & READABLE)
        if self.events & READABLE and events & (READABLE | URGENT | BROKEN):
            if self.peer is not None:
                return not events & URGENT or self._pass_urgent(self.peer, events)
            self.connection.on_early()
            return False
        if events & BROKEN:
            self.connection.on_broken(self)
        return False

    def _pass_urgent(self, peer: End, events: int) -> bool:
        """Pass the urgent byte on as such if it is the next one; tell whether to read what is before it.

        A client's is in its place among the others (its listening socket has SO_OOBINLINE), an endpoint's beside them.
        """
        if not is_at_mark(self.fd):
            return bool(events & READABLE)
        try:
            byte = self.sock.recv(1, _FLAGS[_URGENT] if self.side else AT_ONCE)
        except OSError:  # it was taken at the last event
            return bool(events & READABLE)
        # What is sent later is not urgent any more.
        self._pass_on(byte, len(byte), _URGENT)
        return False
