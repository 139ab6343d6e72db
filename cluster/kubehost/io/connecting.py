"""TCP connections of the event loop that begin in a place."""

from __future__ import annotations

import asyncio
import errno
import os
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
        code = sock.connect_ex(target)
        if code == errno.EINPROGRESS:
            code = await _outcome(sock, target)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


async def _outcome(sock: TCPSocket, target: Address) -> int:
    """Return how a connect() that was begun goes; on loopback that is known at once.

    Not by the loop's ``sock_connect``, for which uvloop asks a thread to look up the address.
    """
    code = sock.connect_ex(target)
    if code != errno.EALREADY:
        return code
    loop = asyncio.get_running_loop()
    is_over = loop.create_future()

    def end() -> None:
        if not is_over.done():
            is_over.set_result(None)

    loop.add_writer(sock.fileno(), end)
    try:
        await is_over
    finally:
        loop.remove_writer(sock.fileno())
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


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
