"""A small HTTP/1.1 server on epoll for the built-in images: keep-alive, pipelining, bounded requests, graceful end.

It answers from memory, at once; a handler must not block. What takes its time (an answer that is ``later``, TLS) is
done by a child with that one connection. Follows RFC 9112 as far as a server of small answers needs.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, NoReturn

from kubelet.servers.messages import (
    Datagram,
    Head,
    Request,
    Response,
    encode,
    find_head,
    is_hopeless,
    parse_head,
    plain,
)

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

MAX_HEAD = 64 * 1024
MAX_BODY = 1024 * 1024
MAX_UNSENT = 1024 * 1024
"""Bytes that a client may leave unread before its further requests wait."""
LINGER_SECONDS = 0.1
"""How long a server that stops goes on: for the connections that were on their way when its pod left its Services."""


CHILD_SECONDS = 30.0
"""The longest pause in what a client says to a child."""
MAX_CHILDREN = 128


class ServerError(Exception):
    """A built-in server cannot start; the text is for the user."""


class Sockets(NamedTuple):
    """Where a server serves; all are bound, and listening if they can. ``tls`` are listeners too."""

    tcp: Sequence[socket.socket] = ()
    udp: Sequence[socket.socket] = ()
    tls: Sequence[socket.socket] = ()


Handler = Callable[[Request], Response]
DatagramHandler = Callable[[Datagram], bytes]
Work = Callable[[socket.socket], None]


class _Connection:
    __slots__ = ("client", "is_closing", "port", "received", "sock", "unsent")

    def __init__(self, sock: socket.socket, client: str) -> None:
        self.sock = sock
        self.client = client
        self.port: int = sock.getsockname()[1]
        self.received = bytearray()
        self.unsent = bytearray()
        self.is_closing = False


class Server:
    """Serves HTTP on listeners and, for agnhost, datagrams beside it.

    ``greeting`` is all that a client gets to hear, in place of HTTP. A server that is told to stop goes on for
    ``delay_seconds``, for a moment at least.
    """

    def __init__(
        self,
        handle: Handler,
        headers: Sequence[tuple[str, str]],
        sockets: Sockets,
        answer: DatagramHandler | None = None,
        *,
        greeting: bytes | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        self._handle = handle
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._answer = answer
        self._greeting = greeting
        self._linger_seconds = max(delay_seconds, LINGER_SECONDS)
        self._datagrams = {each.fileno(): each for each in sockets.udp}
        self._listeners = {each.fileno(): each for each in (*sockets.tcp, *sockets.tls)}
        self._tls = {each.fileno() for each in sockets.tls}
        self._connections: dict[int, _Connection] = {}
        self._children: set[int] = set()
        self._is_stopping = False
        self._lingers_until: float | None = None
        self._exit_code = 0

    def serve(self) -> NoReturn:
        """Serve until SIGTERM; then finish what has been asked and exit."""
        wake_read, wake_write = socket.socketpair()
        wake_read.setblocking(False)
        wake_write.setblocking(False)
        signal.set_wakeup_fd(wake_write.fileno())
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._epoll = select.epoll()
        self._wake_read = wake_read
        self._epoll.register(wake_read.fileno(), select.EPOLLIN)
        for descriptor in (*self._listeners, *self._datagrams):
            self._epoll.register(descriptor, select.EPOLLIN)
        while not self._is_stopping or self._listeners or self._connections or self._children:
            for descriptor, events in self._epoll.poll(LINGER_SECONDS if self._is_stopping else 1.0):
                self._dispatch(descriptor, events)
            if self._children:
                self._reap()
            if self._is_stopping:
                self._drain()
        raise SystemExit(self._exit_code)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def _drain(self) -> None:
        now = time.monotonic()
        if self._lingers_until is None:
            self._lingers_until = now + self._linger_seconds
        if now < self._lingers_until:
            return
        for descriptor, listener in self._listeners.items():
            self._epoll.unregister(descriptor)
            listener.close()
        self._listeners = {}
        for connection in list(self._connections.values()):
            if not connection.unsent:
                self._close(connection)

    def _dispatch(self, descriptor: int, events: int) -> None:
        if descriptor in self._listeners:
            self._accept(self._listeners[descriptor], is_tls=descriptor in self._tls)
        elif descriptor in self._datagrams:
            self._receive_datagrams(self._datagrams[descriptor])
        elif descriptor == self._wake_read.fileno():
            with contextlib.suppress(OSError):
                self._wake_read.recv(4096)
        elif connection := self._connections.get(descriptor):
            try:
                if events & select.EPOLLOUT:
                    self._flush(connection)
                if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                    self._receive(connection)
            except OSError:
                self._close(connection)

    def _accept(self, listener: socket.socket, *, is_tls: bool) -> None:
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self._connections[sock.fileno()] = _Connection(sock, f"{peer[0]}:{peer[1]}")
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            if is_tls:
                self._hand_over(connection, partial(self._answer_in_tls, connection))
            elif self._greeting is not None:
                connection.unsent += self._greeting
                connection.is_closing = True
                self._flush(connection)

    def _receive_datagrams(self, sock: socket.socket) -> None:
        while True:
            try:
                packet, peer = sock.recvfrom(65536)
            except OSError:
                return
            datagram = Datagram(packet, f"{peer[0]}:{peer[1]}", sock.getsockname()[1])
            reply = self._answer(datagram) if self._answer else b""
            if reply:
                with contextlib.suppress(OSError):
                    sock.sendto(reply, peer)

    def _receive(self, connection: _Connection) -> None:
        chunk = connection.sock.recv(65536)
        if not chunk:
            self._close(connection)
            return
        connection.received += chunk
        while len(connection.unsent) < MAX_UNSENT and not connection.is_closing and self._take_request(connection):
            pass
        if connection.unsent:
            self._flush(connection)

    def _take_request(self, connection: _Connection) -> bool:
        found = find_head(connection.received)
        if found is None:
            if is_hopeless(connection.received):
                self._reply(connection, "GET", plain(400), keep_alive=False)
            elif len(connection.received) > MAX_HEAD:
                self._reply(connection, "GET", plain(431), keep_alive=False)
            return False
        end, begin = found
        head = parse_head(bytes(connection.received[:end]))
        if head is None:
            self._reply(connection, "GET", plain(400), keep_alive=False)
            return False
        length = head.headers.get("content-length", "0")
        if (refusal := _refusal(head, length)) is not None:
            self._reply(connection, head.method, plain(refusal), keep_alive=False)
            return False
        if len(connection.received) < begin + int(length):
            if head.headers.get("expect", "").lower() == "100-continue" and not connection.unsent:
                connection.unsent += b"HTTP/1.1 100 Continue\r\n\r\n"
            return False
        del connection.received[: begin + int(length)]
        return self._answer_request(connection, head)

    def _answer_request(self, connection: _Connection, head: Head) -> bool:
        """Answer; return whether the connection is still ours."""
        response = self._handle(head.request(connection.client, connection.port, is_stopping=self._is_stopping))
        if response.later is not None:
            self._hand_over(connection, partial(self._answer_later, head.method, response.later))
            return False
        self._reply(connection, head.method, response, keep_alive=head.is_kept_alive)
        return True

    def _reply(self, connection: _Connection, method: str, response: Response, *, keep_alive: bool) -> None:
        keep_alive = keep_alive and not self._is_stopping and response.exit_code is None and not response.is_last
        if response.exit_code is not None:
            self._is_stopping, self._exit_code = True, response.exit_code
        connection.unsent += encode(response, method, self._headers, keep_alive=keep_alive)
        connection.is_closing = not keep_alive

    def _hand_over(self, connection: _Connection, work: Work) -> None:
        """Let a child go on with a connection, since what it does takes its time; the connection ends with it."""
        pid = -1
        if len(self._children) < MAX_CHILDREN:
            with contextlib.suppress(OSError):
                pid = os.fork()
        if pid == 0:
            self._work_as_child(connection.sock, work)
        if pid > 0:
            self._children.add(pid)
        self._close(connection)

    def _work_as_child(self, sock: socket.socket, work: Work) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in (*STOP_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            self._epoll.close()
            # whoever connects must find that the server is gone when its parent is
            for each in (*self._listeners.values(), *self._datagrams.values()):
                each.close()
            for other in self._connections.values():
                if other.sock is not sock:
                    other.sock.close()
            sock.settimeout(CHILD_SECONDS)
            work(sock)
        except (OSError, ValueError):
            os._exit(1)
        finally:
            os._exit(0)

    def _answer_later(self, method: str, later: Callable[[], Response], sock: socket.socket) -> None:
        sock.sendall(encode(later(), method, self._headers, keep_alive=False))

    def _answer_in_tls(self, connection: _Connection, sock: socket.socket) -> None:
        # only here: no pod but porter's needs the weight of OpenSSL
        from kubelet.servers.certificate import server_context

        with server_context().wrap_socket(sock, server_side=True) as secured:
            received = bytearray()
            while (found := find_head(received)) is None and not is_hopeless(received) and len(received) < MAX_HEAD:
                chunk = secured.recv(65536)
                if not chunk:
                    return
                received += chunk
            head = parse_head(bytes(received[: found[0]])) if found else None
            method, response = "GET", plain(400)
            if head is not None:
                method = head.method
                response = self._handle(head.request(connection.client, connection.port, is_stopping=False))
            secured.sendall(encode(response, method, self._headers, keep_alive=False))

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) > 0:
                self._children.discard(pid)

    def _flush(self, connection: _Connection) -> None:
        with contextlib.suppress(BlockingIOError):
            while connection.unsent:
                sent = connection.sock.send(connection.unsent)
                del connection.unsent[:sent]
        if not connection.unsent and connection.is_closing:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_WR)
            self._close(connection)
            return
        wanted = select.EPOLLOUT if connection.unsent else select.EPOLLIN
        self._epoll.modify(connection.sock.fileno(), wanted)

    def _close(self, connection: _Connection) -> None:
        descriptor = connection.sock.fileno()
        if self._connections.pop(descriptor, None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(descriptor)
            connection.sock.close()


def _refusal(head: Head, length: str) -> int | None:
    """Return the status with which a request's body is refused, None for one that is taken."""
    if "transfer-encoding" in head.headers or not length.isdecimal():
        return 501
    return 413 if int(length) > MAX_BODY else None
