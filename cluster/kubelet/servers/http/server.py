"""A small HTTP/1.1 server on epoll for the built-in images: keep-alive, pipelining, bounded requests, graceful end.

It answers from memory, at once; a handler must not block. What may block (an answer that is ``later``, TLS) is left to
a child process with that one connection. Follows RFC 9112 as far as a server of small answers needs.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, NoReturn

from kubelet.servers.http.children import CHILD_SECONDS, STOP_SIGNALS, Children, answer_in_tls
from kubelet.servers.http.connection import Connection, Refusal
from kubelet.servers.http.listening import peer_text
from kubelet.servers.http.messages import Datagram, Head, Response, Service, encode, plain
from kubelet.servers.http.waiting import Due, Waiting

MAX_UNSENT = 1024 * 1024
"""Bytes that a client may leave unread before its further requests wait."""
LINGER_SECONDS = 0.1
"""How long a stopping server goes on, for the connections that were under way when its pod left its Services."""


class Sockets(NamedTuple):
    """Where a server serves: all are bound, ``tcp`` and ``tls`` also listen."""

    tcp: Sequence[socket.socket] = ()
    udp: Sequence[socket.socket] = ()
    tls: Sequence[socket.socket] = ()


class Server:
    """Serves one service on its sockets, in this process, until a signal or a request ends it."""

    def __init__(self, service: Service, sockets: Sockets) -> None:
        self._service = service
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in service.headers)
        self._linger_seconds = max(service.delay_seconds, LINGER_SECONDS)
        self._datagrams = {each.fileno(): each for each in sockets.udp}
        self._listeners = {each.fileno(): each for each in (*sockets.tcp, *sockets.tls)}
        self._tls = {each.fileno() for each in sockets.tls}
        self._connections: dict[int, Connection] = {}
        self._children = Children()
        self._waiting = Waiting()
        self._is_stopping = False
        self._lingers_until: float | None = None
        self._exit_code = 0

    def serve(self) -> NoReturn:
        """Serve until SIGTERM; then finish what clients have asked for, and exit."""
        self._prepare_signals()
        self._epoll = select.epoll()
        self._epoll.register(self._wake_read.fileno(), select.EPOLLIN)
        for descriptor in (*self._listeners, *self._datagrams):
            self._epoll.register(descriptor, select.EPOLLIN)
        while not self._is_stopping or self._listeners or self._connections or self._children:
            for descriptor, events in self._waiting.poll(self._epoll, LINGER_SECONDS if self._is_stopping else 1.0):
                self._dispatch(descriptor, events)
            for due in self._waiting.take():
                self._answer_due(due)
            if self._children:
                self._children.reap()
            if self._is_stopping:
                self._drain()
        raise SystemExit(self._exit_code)

    def _prepare_signals(self) -> None:
        """Let signals interrupt the wait; those that came before are delivered now."""
        self._wake_read, self._wake_write = socket.socketpair()  # kept open: closed, it would wake the loop for ever
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        signal.set_wakeup_fd(self._wake_write.fileno())
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # so that it wakes the loop, which reaps
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def _drain(self) -> None:
        """Stop listening once the time to linger is over, and close the connections that have no answer to come."""
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
            if not connection.unsent and not connection.is_waiting:
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
                if connection.is_waiting:
                    self._look_away(connection, events)
                elif events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
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
            connection = self._connections[sock.fileno()] = Connection(sock, peer_text(peer))
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            if is_tls:
                self._leave_to_child(connection, partial(self._answer_in_tls, connection))
            elif (raw := self._service.raw.get(sock.getsockname()[1])) is not None:
                self._leave_to_child(connection, raw)
            elif self._service.greeting is not None:
                connection.unsent += self._service.greeting
                connection.is_closing = True
                self._flush(connection)

    def _receive_datagrams(self, sock: socket.socket) -> None:
        while True:
            try:
                packet, peer = sock.recvfrom(65536)
            except OSError:
                return
            datagram = Datagram(packet, peer_text(peer), sock.getsockname()[1])
            reply = self._service.answer(datagram) if self._service.answer else b""
            if reply:
                with contextlib.suppress(OSError):
                    sock.sendto(reply, peer)

    def _receive(self, connection: Connection) -> None:
        if not connection.receive():
            self._close(connection)
            return
        self._serve_requests(connection)

    def _serve_requests(self, connection: Connection) -> None:
        """Answer what has come whole, and send the answers."""
        while len(connection.unsent) < MAX_UNSENT and not connection.is_closing and self._serve_request(connection):
            pass
        if connection.unsent or connection.is_closing:
            self._flush(connection)

    def _serve_request(self, connection: Connection) -> bool:
        """Answer the next request, if it is complete; return whether there may be another one to answer."""
        request = connection.take_request(takes_lines=self._service.takes_lines)
        if request is None:
            return False
        if isinstance(request, Refusal):
            self._reply(connection, request.method, plain(request.status), keep_alive=False)
            return False
        asked = request.request(connection.client, connection.port, is_stopping=self._is_stopping)
        response = self._service.respond(asked._replace(body=connection.body) if connection.body else asked)
        if response.later is not None:
            self._leave_to_child(connection, partial(self._answer_later, request.method, response.later))
            return False
        if response.due is not None:
            self._waiting.add(response.due, connection, request, response)
            return False
        self._reply(connection, request.method, response, keep_alive=request.is_kept_alive)
        return True

    def _answer_due(self, due: Due) -> None:
        """Send an answer whose time has come, and go on with the connection's requests."""
        connection = due.connection
        self._reply(connection, due.head.method, due.response, keep_alive=due.head.is_kept_alive)
        try:
            self._serve_requests(connection)
        except OSError:
            self._close(connection)

    def _look_away(self, connection: Connection, events: int) -> None:
        """Leave what a client sends before its answer is due; end the connection if the client has reset it."""
        self._epoll.modify(connection.sock.fileno(), 0)
        if events & (select.EPOLLHUP | select.EPOLLERR):
            self._close(connection)

    def _reply(self, connection: Connection, method: str, response: Response, *, keep_alive: bool) -> None:
        keep_alive = keep_alive and not self._is_stopping and response.exit_code is None and not response.is_last
        if response.exit_code is not None:
            self._is_stopping, self._exit_code = True, response.exit_code
        connection.unsent += encode(response, method, self._headers, keep_alive=keep_alive)
        connection.is_closing = not keep_alive

    def _leave_to_child(self, connection: Connection, work: Callable[[socket.socket], None]) -> None:
        """Let a child do work that may block; the connection ends with it."""
        self._children.start(partial(self._work, connection.sock, work))
        self._close(connection)

    def _work(self, sock: socket.socket, work: Callable[[socket.socket], None]) -> None:
        """Do the work of a child, which keeps nothing but its connection."""
        self._epoll.close()
        # A client that connects must be refused once the parent is gone, even while this child goes on.
        for each in (*self._listeners.values(), *self._datagrams.values()):
            each.close()
        for other in self._connections.values():
            if other.sock is not sock:
                other.sock.close()
        sock.settimeout(CHILD_SECONDS)
        work(sock)

    def _answer_later(self, method: str, later: Callable[[], Response], sock: socket.socket) -> None:
        sock.sendall(encode(later(), method, self._headers, keep_alive=False))

    def _answer_in_tls(self, connection: Connection, sock: socket.socket) -> None:
        def answer(head: Head | None, body: bytes) -> bytes:
            if head is None:
                return encode(plain(400), "GET", self._headers, keep_alive=False)
            request = head.request(connection.client, connection.port, is_stopping=False)._replace(body=body)
            response = self._service.respond(request)
            response = response.later() if response.later is not None else response
            return encode(response, head.method, self._headers, keep_alive=False)

        answer_in_tls(sock, self._service.certificate, answer)

    def _flush(self, connection: Connection) -> None:
        if connection.flush():
            self._close(connection)
            return
        self._epoll.modify(connection.sock.fileno(), select.EPOLLOUT if connection.unsent else select.EPOLLIN)

    def _close(self, connection: Connection) -> None:
        descriptor = connection.sock.fileno()
        if self._connections.pop(descriptor, None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(descriptor)
            connection.sock.close()
