"""The sockets of one address: which of them accepts a client, and which clients are dropped.

Sockets of one address may share it (SO_REUSEPORT), and a classic BPF program of the group says which of them a SYN is
for (socket(7), SO_ATTACH_REUSEPORT_CBPF). That serves two purposes. Several processes can accept, each from a queue of
its own, and all connections of a client come to the same one where session affinity needs it. And DROP for TCP needs no
privilege, while a packet filter needs CAP_NET_ADMIN since Linux 6.18: the group has a black hole, a listening socket
with a full queue of one. The kernel drops its SYNs, and the client gets no answer until it gives up.

Binds and steers; never accepts.
"""

from __future__ import annotations

import contextlib
import socket
from socket import SocketType

from kubehost.io.binding import bind_socket
from kubehost.io.places import MakeSocket, make_socket
from kubeproxy.rules import Listener, SourceFilter
from kubeproxy.userspace.bpf import spread
from kubeproxy.userspace.sockets import attach_program, filter_packets, open_socket

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel caps it at net.core.somaxconn (4096 since Linux 5.4)."""

_SO_ATTACH_REUSEPORT_CBPF = 51
"""asm-generic/socket.h."""
_OPEN = SourceFilter((), (), is_outside_accepted=True)


class PortGroup:
    """Bound to ``target`` for ``listener``; ``sockets`` are the carrier's, which closes them.

    TCP has ``width`` sockets, so many processes accept; UDP and SCTP have one. ``make`` is the ``socket`` of the place
    to bind in. OSError if the address cannot be bound.
    """

    def __init__(self, listener: Listener, target: tuple[str, int], width: int, make: MakeSocket = make_socket) -> None:
        self.listener = listener
        self._make = make
        self._black_hole: list[SocketType] = []
        self.sockets: tuple[SocketType, ...] = ()
        protocol = listener.destination.protocol
        try:
            if protocol == "TCP" and (width > 1 or listener.source_filter is not None):
                self._share(target, width)
            else:
                self.sockets = (self._bind(protocol, target),)
        except OSError:
            for sock in self.sockets:
                sock.close()
            self.close()
            raise

    def can_update(self, listener: Listener) -> bool:
        """Tell whether ``update`` can be called: a group without a black hole cannot begin to drop."""
        is_tcp = listener.destination.protocol == "TCP"
        return not is_tcp or bool(self._black_hole) or listener.source_filter is None

    def update(self, listener: Listener) -> None:
        """Accept, drop and spread new clients as ``listener`` says; connections that exist stay where they are."""
        before, self.listener = self.listener, listener
        if listener.source_filter == before.source_filter and listener.is_sticky == before.is_sticky:
            return
        if listener.destination.protocol != "TCP":
            filter_packets(self.sockets[0], listener.source_filter)
        elif self._black_hole or len(self.sockets) > 1:
            self._steer()

    def close(self) -> None:
        """Close the black hole; only after the carrier's sockets, as their places in the group change."""
        for sock in self._black_hole:
            sock.close()

    def _bind(self, protocol: str, target: tuple[str, int]) -> SocketType:
        sock = open_socket(protocol, target[0], self._make)
        try:
            if protocol == "UDP" and self.listener.source_filter is not None:
                filter_packets(sock, self.listener.source_filter)
            bind_socket(sock, target, self._make)
            if protocol != "UDP":
                sock.listen(BACKLOG)
        except OSError:
            sock.close()
            raise
        return sock

    def _share(self, target: tuple[str, int], width: int) -> None:
        with contextlib.closing(open_socket("TCP", target[0], self._make)) as probe:
            bind_socket(probe, target, self._make)  # a socket of the group would share it with another process' group
        if self.listener.source_filter is not None:
            self._open_black_hole(target)
        for _ in range(width):
            sock = open_socket("TCP", target[0], self._make)
            self.sockets = (*self.sockets, sock)
            self._join(sock, target, BACKLOG)
        self._steer()

    def _open_black_hole(self, target: tuple[str, int]) -> None:
        """Take the first place in the group: places are given in the order in which sockets begin to listen."""
        black_hole = open_socket("TCP", target[0], self._make)
        self._black_hole.append(black_hole)
        self._join(black_hole, target, 0)
        filler = open_socket("TCP", target[0], self._make)
        self._black_hole.append(filler)
        filler.connect_ex(black_hole.getsockname())

    def _join(self, sock: SocketType, target: tuple[str, int], backlog: int) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bind_socket(sock, target, self._make)
        sock.listen(backlog)

    def _steer(self) -> None:
        sock, listener = self.sockets[0], self.listener
        version = 6 if sock.family == socket.AF_INET6 else 4
        first = 1 if self._black_hole else 0
        accept = spread(first, len(self.sockets), version, by_client=listener.is_sticky)
        if not attach_program(sock, _SO_ATTACH_REUSEPORT_CBPF, listener.source_filter or _OPEN, accept):
            attach_program(sock, _SO_ATTACH_REUSEPORT_CBPF, _OPEN, accept)  # too long: they are reset when accepted
