"""An upgraded connection (101, WebSocket): bytes both ways, half-close and resets passed on. Decided by ``Relay``."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from kubeproxy.counters import EndpointCounters
from kubeproxy.recent import ConnectionRecord
from kubeproxy.userspace.poller import BROKEN, INTERNAL_ERROR, READABLE, WRITABLE
from kubeproxy.userspace.sockets import RESET_ON_CLOSE
from kubeproxy.userspace.tcp.relay import Action, Relay, Side

if TYPE_CHECKING:
    from kubeproxy.userspace.http.io.front import HttpFront


class _End:
    __slots__ = ("events", "fd", "side", "sock", "tunnel")

    def __init__(self, tunnel: Tunnel, sock: socket.socket, side: Side) -> None:
        self.tunnel = tunnel
        self.sock = sock
        self.fd = sock.fileno()
        self.side = side
        self.events = READABLE

    def on_event(self, events: int) -> None:
        if self.events & WRITABLE and events & (WRITABLE | BROKEN):
            self.tunnel.on_writable(self)
        if self.events & READABLE and events & (READABLE | BROKEN):
            self.tunnel.on_readable(self)
        elif events & BROKEN:
            self.tunnel.on_broken(self)

    def abandon(self) -> None:
        self.tunnel.reset(INTERNAL_ERROR)


class Tunnel:
    """Owns both sockets from now on; ``unsent`` has what either side has still to be sent, by ``Side``."""

    __slots__ = ("_counters", "_ends", "_front", "_record", "_relay", "deadline")

    def __init__(
        self,
        front: HttpFront,
        client: socket.socket,
        upstream: socket.socket,
        unsent: tuple[bytes, bytes],
        counters: EndpointCounters,
        record: ConnectionRecord,
    ) -> None:
        self._front = front
        self._counters = counters
        self._record = record
        self._relay = Relay()
        self._relay.unsent[:] = unsent
        self._ends = (_End(self, client, Side.CLIENT), _End(self, upstream, Side.UPSTREAM))
        self._touch()

    def start(self, *, has_client_ended: bool) -> None:
        """Begin; both sockets are registered anew."""
        for end in self._ends:
            self._front.poller.unregister(end.fd)
            self._front.poller.register(end.fd, READABLE, end)
        self._perform(self._relay.connected())
        if has_client_ended:
            self._perform(self._relay.ended(Side.CLIENT))
        self._await_events()

    def on_readable(self, end: _End) -> None:
        """Move what there is to the other side."""
        buffer, peer = self._front.buffer, self._ends[1 - end.side]
        try:
            count = end.sock.recv_into(buffer)
            if not count:
                self._perform(self._relay.ended(end.side))
                self._await_events()
                return
            try:
                sent = peer.sock.send(buffer[:count])
            except BlockingIOError:
                sent = 0
        except BlockingIOError:
            return
        except OSError:
            self.reset("reset")
            return
        self._count(end.side, count)
        self._touch()
        if sent < count:
            self._relay.stalled(peer.side, bytes(buffer[sent:count]))
            self._await_events()

    def on_writable(self, end: _End) -> None:
        """Go on where ``end`` has stalled."""
        try:
            sent = end.sock.send(self._relay.unsent[end.side])
        except BlockingIOError:
            return
        except OSError:
            self.reset("reset")
            return
        self._perform(self._relay.sent(end.side, sent))
        self._await_events()

    def on_broken(self, end: _End) -> None:
        """Pass a reset on that came while nobody read; after an orderly end wait until it may be read."""
        if self._relay.is_closed:
            return
        if end.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.reset("reset")
        else:
            end.events = self._front.poller.hang_up(end.fd)

    def expire(self) -> None:
        """Give up a connection on which nobody says anything."""
        self.reset("tunnel_timeout")

    def reset(self, reason: str) -> None:
        """End both sides by reset."""
        if not self._relay.is_closed:
            self._relay.fail()
            self._close(reason, is_reset=True)

    def _count(self, source: Side, count: int) -> None:
        if source:
            self._counters.bytes_to_client += count
            self._record.bytes_to_client += count
        else:
            self._counters.bytes_to_endpoint += count
            self._record.bytes_to_endpoint += count

    def _touch(self) -> None:
        self.deadline = self._front.clock() + self._front.config.tunnel_seconds

    def _perform(self, action: Action | None) -> None:
        if action is Action.CLOSE:
            self._close("closed", is_reset=False)
        elif action is not None and not self._relay.is_closed:
            try:
                self._ends[0 if action is Action.SHUT_CLIENT else 1].sock.shutdown(socket.SHUT_WR)
            except OSError:
                self.reset("reset")

    def _await_events(self) -> None:
        if self._relay.is_closed:
            return
        for end in self._ends:
            wanted = READABLE if self._relay.can_read(end.side) else 0
            if self._relay.must_write(end.side):
                wanted |= WRITABLE
            end.events = self._front.poller.ask(end.fd, end.events, wanted, end)

    def _close(self, outcome: str, *, is_reset: bool) -> None:
        for end in self._ends:
            end.events = 0
            if is_reset:
                end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._front.poller.close_socket(end.sock)
        self._front.counters.closed(self._counters)
        self._front.recent.ended(self._record, outcome)
        self._front.forget(self)
