"""The rules by which DNS, the proxy and the pods' servers bind their sockets."""

from __future__ import annotations

import socket
from socket import SocketType

from kubehost.addresses import Address
from kubehost.io.places import MakeSocket, make_socket

_IPV6_FREEBIND = 78
"""linux/in6.h."""

_DISCARD = 9
"""A port for a socket that sends nothing (RFC 863)."""


def socket_family(address: str) -> socket.AddressFamily:
    """Return the family of an IP address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bind_socket(sock: SocketType, address: Address, make: MakeSocket = make_socket) -> None:
    """Bind a socket for new clients; OSError if that fails. ``make`` makes sockets of the same network.

    IPv6 sockets are IPv6 only. A stream may follow connections of an earlier process that are in TIME_WAIT.
    """
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if is_routed_here(address[0], make):
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    if sock.type == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)


def is_routed_here(address: str, make: MakeSocket = make_socket) -> bool:
    """Tell whether a network has a local route for an IPv6 address, as ``ip -6 route add local`` makes one.

    For IPv6, bind() accepts only addresses of an interface; a routed one needs IPV6_FREEBIND. IPv4 needs nothing.
    """
    probe = make(socket.AF_INET6, socket.SOCK_DGRAM, 0)
    try:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        probe.connect((address, _DISCARD))
    except OSError:  # ENETUNREACH; EPERM before Linux 5.7
        return False
    finally:
        probe.close()
    return True
