"""The sockets of the name server, and the TCP connections with many queries each; ``datagrams`` has the rest.

A packet goes to a ``Server``, which responds at once, later or not at all; what it means is not known here. Binds,
and names the address when it cannot. One socket for each address, so a reply comes from the address that was asked.
TCP follows RFC 7766 (pipelining, idle time-out).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, cast

from kubedns.responder import Pending, Transfer
from kubehost.addresses import Address
from kubehost.io.binding import bind_socket, socket_family

RECEIVE_BUFFER = 1 << 20
MAX_WAITING = 64
"""Queries of one connection that may wait for upstreams at once; then it is not read from."""

_BIND_ATTEMPTS = 16


Reply = Callable[[bytes | None], None]
"""Sends a response to whoever asked; None for no response after all."""


class Server(Protocol):
    """Answers packets, at once or later."""

    def kept(self, question: bytes) -> bytes | None:
        """Return the response that is ready for a datagram, both without their id; None if there is none."""
        ...

    def respond_anew(self, packet: bytes, key: bytes, *, is_tcp: bool) -> bytes | Pending | Transfer | None:
        """Return the response to a datagram for which none is ready; the ``key`` is the packet without its id."""
        ...

    def respond(self, packet: bytes, *, is_tcp: bool) -> bytes | Pending | Transfer | None:
        """Return the response; Pending if it must wait, a Transfer only over TCP, None for silence."""
        ...

    def respond_later(self, pending: Pending, reply: Reply) -> None:
        """Call ``reply`` once, now or later."""
        ...


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


def bind(address: Address) -> Sockets:
    """Bind UDP and listen on TCP; OSError that names the address and the protocol."""
    host, port = address
    for _ in range(_BIND_ATTEMPTS):
        udp = _bind(address, socket.SOCK_DGRAM)
        try:
            return Sockets(udp, _bind((host, udp.getsockname()[1]), socket.SOCK_STREAM))
        except OSError as error:
            udp.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"cannot listen on {host}: no port is free for both UDP and TCP")


def _bind(address: Address, kind: socket.SocketKind) -> socket.socket:
    host, port = address
    sock = socket.socket(socket_family(host), kind | socket.SOCK_NONBLOCK)
    try:
        if kind == socket.SOCK_DGRAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        bind_socket(sock, address)
        if kind == socket.SOCK_STREAM:
            sock.listen(128)
    except OSError as error:
        sock.close()
        protocol = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, f"cannot listen on {host} port {port}/{protocol}: {why}") from error
    return sock


class Connections:
    """The TCP connections of a server, bounded in number; ``idle_timeout`` is in seconds."""

    def __init__(self, server: Server, *, limit: int, idle_timeout: float) -> None:
        self.server = server
        self.idle_timeout = idle_timeout
        self.open: set[Connection] = set()
        self._limit = limit

    def make_room(self) -> None:
        """Cut the connection that has been without a sign of life for longest, if one more would be too many."""
        if len(self.open) >= self._limit:
            min(self.open, key=Connection.liveliness).abort()

    def abort(self) -> None:
        """Cut all connections."""
        for each in tuple(self.open):
            each.abort()


class Connection(asyncio.Protocol):
    """One connection: queries with a length before each, answered as they come.

    It is not read from while its client does not read, or while too many of its queries wait for an upstream.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._buffer = bytearray()
        self._waiting = 0
        self._transfer: Iterator[bytes] | None = None
        self._is_clogged = False
        self._is_serving = False
        self._has_ended = False
        self._loop = asyncio.get_running_loop()
        self._last_sign = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the others."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.make_room()
        self._connections.open.add(self)
        self._timer = self._loop.call_later(self._connections.idle_timeout, self._expire)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Leave."""
        self._connections.open.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        self._buffer += data
        self._serve()

    def eof_received(self) -> bool:
        """Close, but not before the last response."""
        self._has_ended = True
        return self._owes

    def pause_writing(self) -> None:
        """Stop answering: the client does not read."""
        self._is_clogged = True

    def resume_writing(self) -> None:
        """Go on answering."""
        self._is_clogged = False
        self._go_on()

    def abort(self) -> None:
        """Cut the connection; from now on it counts no more."""
        self._connections.open.discard(self)
        self._transport.abort()

    def liveliness(self) -> tuple[bool, float]:
        """Return a key that is the lower the less a connection would be missed: nothing owed, then long silent."""
        return self._owes, self._last_sign

    def _serve(self) -> None:
        if self._is_serving:  # a response that came at once, from within the loop below
            return
        self._is_serving = True
        while not (self._is_held or self._transport.is_closing()):
            packet = self._next_query()
            if packet is None:
                break
            self._query(packet)
        self._is_serving = False
        if self._transport.is_closing():
            return
        if self._is_held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _next_query(self) -> bytes | None:
        """Take a whole query out of the buffer; None if there is none yet."""
        end = 2 + int.from_bytes(self._buffer[:2], "big")
        if len(self._buffer) < end:
            return None
        packet = bytes(self._buffer[2:end])
        del self._buffer[:end]
        return packet

    @property
    def _is_held(self) -> bool:
        return self._is_clogged or self._waiting >= MAX_WAITING or self._transfer is not None

    @property
    def _owes(self) -> bool:
        return bool(self._waiting) or self._is_clogged or self._transfer is not None

    def _query(self, packet: bytes) -> None:
        self._last_sign = self._loop.time()
        response = self._connections.server.respond(packet, is_tcp=True)
        if isinstance(response, bytes):
            self._write(response)
        elif response is None:
            self._transport.close()  # garbage: where the next query begins is anybody's guess
        elif isinstance(response, Transfer):
            self._transfer = response.messages
            self._go_on()
        else:
            self._waiting += 1
            self._connections.server.respond_later(response, self._late)

    def _late(self, reply: bytes | None) -> None:
        self._waiting -= 1
        if self._transport.is_closing():
            return
        if reply is not None:
            self._write(reply)
        self._go_on()

    def _go_on(self) -> None:
        """Send the next message of a transfer, else answer the next query, else close if the client has ended."""
        try:
            self._advance()
        except Exception:
            self._transport.abort()
            raise

    def _advance(self) -> None:
        if self._transport.is_closing() or self._is_clogged:
            return
        if self._transfer is not None:
            message = next(self._transfer, None)
            if message is None:
                self._transfer = None
            else:
                self._last_sign = self._loop.time()
                self._write(message)
            self._loop.call_soon(self._go_on)  # one message at a time: others have their turn
        else:
            self._serve()
            if self._has_ended and not self._owes:
                self._transport.close()

    def _write(self, reply: bytes) -> None:
        self._transport.write(len(reply).to_bytes(2, "big") + reply)

    def _expire(self) -> None:
        """Cut a connection without a sign of life: a query as a whole, or that it takes what it has asked for."""
        left = self._last_sign + self._connections.idle_timeout - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._expire)
        elif self._owes and not self._is_clogged:
            self._timer = self._loop.call_later(self._connections.idle_timeout, self._expire)
        else:
            self._transport.abort()
