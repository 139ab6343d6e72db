"""A place is a network in which sockets are made. Here: what it is, and the host's.

``kubehost.network`` says which place an address of the cluster is bound or dialled in.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from socket import SocketType
from typing import Protocol

from kubehost.addresses import Address

Channel = socket.socket
"""One end of a pair of SEQPACKET sockets, at whose other end the agent of the pods' networks makes sockets."""

MakeSocket = Callable[[int, int, int], SocketType]
"""Makes a socket as ``Place.socket`` does."""

_NONBLOCK = int(socket.SOCK_NONBLOCK)
_SCTP_NODELAY = 3
"""linux/sctp.h."""
_AT_ONCE = {
    int(socket.IPPROTO_TCP): (int(socket.IPPROTO_TCP), socket.TCP_NODELAY),
    int(socket.IPPROTO_SCTP): (int(socket.IPPROTO_SCTP), _SCTP_NODELAY),
}
"""By protocol the level and the option by which a socket sends at once, without waiting for more."""


class Place(Protocol):
    """A network in which sockets are made: the host's, the cluster's or a pod's."""

    @property
    def name(self) -> str:
        """``host``, ``cluster``, or the address of a pod."""
        ...

    def bind(self, address: str, port: int) -> Address:
        """Return the socket address to bind here in place of ``address``:``port`` of the cluster."""
        ...

    def socket(self, family: int, kind: int, protocol: int = 0) -> SocketType:
        """Return a new, non-blocking socket, which the caller owns; OSError if there is none.

        ``kind`` is without flags. A socket of TCP or SCTP that was asked for by its ``protocol`` sends at once
        (TCP_NODELAY). Plain numbers take less time than enumerations.
        """
        ...


def make_socket(family: int, kind: int, protocol: int = 0) -> SocketType:
    """Return a socket as ``Place`` promises it, of the network that this process is in."""
    sock = SocketType(family, kind | _NONBLOCK, protocol)
    option = _AT_ONCE.get(protocol)
    if option is not None:
        try:
            sock.setsockopt(*option, 1)
        except OSError:
            sock.close()
            raise
    return sock


def whole_socket(sock: SocketType) -> socket.socket:
    """Return the same socket, non-blocking, as an instance of socket.socket, which asyncio asks for."""
    whole = socket.socket(sock.family, sock.type, sock.proto, sock.detach())
    whole.setblocking(False)
    return whole


def as_it_is(address: str, port: int) -> Address:
    """Return the address and the port."""
    return address, port


class HostPlace:
    """Implements ``Place`` for the network that this process is in; ``bind`` maps addresses of the cluster to it."""

    name = "host"
    socket = staticmethod(make_socket)

    def __init__(self, bind: Callable[[str, int], Address]) -> None:
        self.bind = bind


HOST: Place = HostPlace(as_it_is)
"""For addresses that are the host's already."""
