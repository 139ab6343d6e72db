"""The sockets of the built-in servers, bound on their pod's address or on all addresses, and the text of a peer."""

from __future__ import annotations

import socket

from kubehost.addresses import join_host_port
from kubehost.errortexts import errno_text
from kubehost.io.binding import bind_socket, socket_family
from kubelet.spec.server import ServerError

BACKLOG = 1024
ANY_ADDRESS = ""
"""All addresses of both families, as Go's servers listen; of IPv4 where the kernel has no IPv6."""
_MAPPED = "::ffff:"
"""How an IPv6 socket names an IPv4 peer (RFC 4291, 2.5.5.2)."""


def listen(address: str, port: int) -> socket.socket:
    """Return a listening socket; ServerError with Go's text if there is none. The caller owns it."""
    listener = _bind(address, port, socket.SOCK_STREAM)
    listener.listen(BACKLOG)
    return listener


def bind_datagrams(address: str, port: int) -> socket.socket:
    """Return a bound UDP socket; ServerError with Go's text if there is none. The caller owns it."""
    return _bind(address, port, socket.SOCK_DGRAM)


def peer_text(peer: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Return a peer as Go prints it: an IPv4 address as such, whatever the family of the socket."""
    return join_host_port(peer[0].removeprefix(_MAPPED) if "." in peer[0] else peer[0], peer[1])


def _bind(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    try:
        if address == ANY_ADDRESS:
            return _bind_everywhere(port, kind)
        bound = socket.socket(socket_family(address), kind | socket.SOCK_NONBLOCK)
        try:
            bind_socket(bound, (address, port))
        except OSError:
            bound.close()
            raise
    except OSError as error:
        network = "tcp" if kind is socket.SOCK_STREAM else "udp"
        text = f"listen {network} {address}:{port}: bind: {errno_text(error)}"
        raise ServerError(text) from error
    return bound


def _bind_everywhere(port: int, kind: socket.SocketKind) -> socket.socket:
    try:
        bound = socket.socket(socket.AF_INET6, kind | socket.SOCK_NONBLOCK)
    except OSError:
        bound = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
    try:
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind is socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("::" if bound.family == socket.AF_INET6 else "0.0.0.0", port))  # noqa: S104 - of the pod's own network
    except OSError:
        bound.close()
        raise
    return bound
