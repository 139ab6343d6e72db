"""How a client learns that its endpoint refuses: by ECONNREFUSED, as from an ICMP error that NAT has translated back.

A bound socket answers nothing with ICMP, and an unprivileged process cannot send ICMP itself. But the kernel sends an
error for a datagram to a port without a socket. So a datagram is sent with the client's address as its source to the
address that the client has asked, while the bound socket accepts none: for these few microseconds it is connected to
another peer. Two rules of Linux make this possible without privilege: IP_PKTINFO may name any address of the machine as
the source (ip(7)), and the client's port is free at other loopback addresses. connect(2) with AF_UNSPEC disconnects the
socket again. Nothing that was received is lost; datagrams of other clients in these microseconds are refused too, which
is why ``RefusalBudget`` bounds them.

A client in a pod with a network of its own is told likewise: the datagram leaves that network, by a socket made there,
and is refused in the cluster's. There the kernel bounds such errors (icmp(7), icmp_ratelimit), as in a cluster.

This reaches the clients that ICMP reaches: those with a connected socket. The others are bound to every address, so
nothing can be sent in their name, and the kernel would not tell them either (udp(7)). IPv6 has only one loopback
address, which the client has: so it works only for pods, whose address is another one, and there the bound socket is
bound to the device lo for these microseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Callable, Iterator
from socket import SocketType

from kubehost.addresses import LOCALHOST, Address
from kubehost.io.places import MakeSocket
from kubehost.network import Network
from kubeproxy.userspace.sockets import SOCKETS

STAND_IN_ADDRESS = "127.255.255.254"
"""The last address of the loopback network, which is unlikely to be in use; it has the client's port for a moment.

In the network of a pod 127.0.0.1 is the only loopback address, and its clients of other places do not come from there.
"""

PROBE = b"\x93kubesvc refusal"
"""The datagram that the kernel is to refuse. A bound socket that receives it all the same ignores it."""

IP_PKTINFO = 8
"""linux/in.h."""
IPV6_PKTINFO = 50
"""linux/in6.h."""
_LOOPBACK = b"lo"

_DISCONNECT = bytes(16)
"""struct sockaddr_in with the family AF_UNSPEC, which Python's connect() does not support."""

_libc = ctypes.CDLL(None, use_errno=True)


Refuse = Callable[[SocketType, Address], bool]
"""Lets the kernel tell a client that the address of a bound socket refuses; False where that cannot be done."""


def refuser(network: Network, place: str) -> Refuse:
    """Return what refuses the clients of sockets that are bound in ``place``."""
    host = network.places[0]

    def refuse(listener: SocketType, client: Address) -> bool:
        at = host if place == host.name else network.place(client[0], listener.getsockname()[0])
        is_ipv6, is_shared = listener.family == socket.AF_INET6, at in network.places
        if is_ipv6 and is_shared:
            return False
        return _refuse(listener, client, at.socket, STAND_IN_ADDRESS if is_shared else "::1" if is_ipv6 else LOCALHOST)

    return refuse


@contextlib.contextmanager
def _deaf_by_peer(listener: SocketType, peer: SocketType) -> Iterator[None]:
    listener.connect(peer.getsockname())
    try:
        yield
    finally:
        _libc.connect(listener.fileno(), _DISCONNECT, len(_DISCONNECT))


@contextlib.contextmanager
def _deaf_by_device(listener: SocketType) -> Iterator[None]:
    """Have a socket of IPv6 hear nothing from pods: disconnecting it would leave it deaf, with its peer's address."""
    _bind_to(listener, _LOOPBACK)
    try:
        yield
    finally:
        _bind_to(listener, b"")


def _bind_to(sock: SocketType, device: bytes) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)


def _as_from(address: str) -> tuple[int, int, bytes]:
    """Return the control message that sends a datagram from an address of the machine."""
    if ":" in address:
        return socket.IPPROTO_IPV6, IPV6_PKTINFO, struct.pack("=16si", socket.inet_pton(socket.AF_INET6, address), 0)
    return socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=i4s4x", 0, socket.inet_aton(address))


def _refuse(listener: SocketType, client: Address, make: MakeSocket, address: str) -> bool:
    try:
        with contextlib.closing(make(*SOCKETS["UDP", ":" in address])) as stand_in:
            is_ipv6 = ":" in address
            if is_ipv6:  # as the listener below: where that cannot be undone it is not done
                _bind_to(stand_in, _LOOPBACK)
                _bind_to(stand_in, b"")
            stand_in.bind((address, client[1]))
            with _deaf_by_device(listener) if is_ipv6 else _deaf_by_peer(listener, stand_in):
                stand_in.sendmsg([PROBE], [_as_from(client[0])], 0, listener.getsockname())
    except OSError:
        return False
    return True
