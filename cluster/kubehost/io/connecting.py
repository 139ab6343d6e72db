"""TCP connections of the event loop that begin in a place."""

from __future__ import annotations

import asyncio
import socket
import ssl

from kubehost.addresses import Address
from kubehost.io.binding import socket_family
from kubehost.io.places import HOST, Place, whole_socket

TCPSocket = socket.socket
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def tcp_socket(place: Place, address: str) -> TCPSocket:
    """Return a non-blocking socket to dial an IP address in a place; OSError."""
    return whole_socket(place.socket(socket_family(address), socket.SOCK_STREAM, socket.IPPROTO_TCP))


async def connect(place: Place, target: Address) -> TCPSocket:
    """Return a connected, non-blocking socket, the caller's; OSError."""
    sock = tcp_socket(place, target[0])
    try:
        await asyncio.get_running_loop().sock_connect(sock, target)
    except BaseException:
        sock.close()
        raise
    return sock


async def open_connection(
    place: Place, target: Address, *, tls: ssl.SSLContext | None = None, limit: int = 2**16
) -> Streams:
    """Connect; OSError. ``limit`` is that of the reader, in bytes. On the host ``target`` may have a name."""
    if place.name == HOST.name:
        return await asyncio.open_connection(*target, ssl=tls, limit=limit)
    sock = await connect(place, target)
    try:
        name = target[0] if tls else None
        return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=name, limit=limit)
    except BaseException:
        sock.close()
        raise
