"""Binds the two sockets of an address, and names the address when it cannot.

One socket for each address, so that a reply comes from the address that was asked.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import NamedTuple

from kubehost.addresses import Address
from kubehost.io.binding import bind_socket, socket_family
from kubehost.io.places import Place, whole_socket

RECEIVE_BUFFER = 1 << 20
_BIND_ATTEMPTS = 16
_BACKLOG = 128


class Sockets(NamedTuple):
    """The two sockets of one address."""

    udp: socket.socket
    tcp: socket.socket

    @property
    def address(self) -> Address:
        """The address that they are bound to."""
        host, port = self.udp.getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Close both."""
        self.udp.close()
        self.tcp.close()


def bind(place: Place, address: Address) -> Sockets:
    """Bind UDP and listen on TCP in a place; OSError that names the address and the protocol."""
    host, port = address
    for _ in range(_BIND_ATTEMPTS):
        udp = _bind(place, address, socket.SOCK_DGRAM)
        try:
            return Sockets(udp, _bind(place, (host, udp.getsockname()[1]), socket.SOCK_STREAM))
        except OSError as error:
            udp.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"cannot listen on {host}: no port is free for both UDP and TCP")


def _bind(place: Place, address: Address, kind: socket.SocketKind) -> socket.socket:
    host, port = address
    sock = whole_socket(place.socket(socket_family(host), kind))
    try:
        if kind == socket.SOCK_DGRAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        bind_socket(sock, address, place.socket)
        if kind == socket.SOCK_STREAM:
            sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        protocol = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, f"cannot listen on {host} port {port}/{protocol}: {why}") from error
    return sock
