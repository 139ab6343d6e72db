"""A small HTTP/1.1 server on epoll for the built-in images: keep-alive, pipelining, bounded requests, graceful end.

It answers from memory, at once; a handler must not block. Follows RFC 9112 as far as a server of small answers needs.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple, NoReturn
from urllib.parse import parse_qs, urlsplit

MAX_HEAD = 64 * 1024
MAX_BODY = 1024 * 1024
MAX_UNSENT = 1024 * 1024
"""Bytes that a client may leave unread before its further requests wait."""
LINGER_SECONDS = 0.1
"""How long a server that stops goes on: for the connections that were on their way when its pod left its Services."""


class ServerError(Exception):
    """A built-in server cannot start; the text is for the user."""


class Request(NamedTuple):
    """One request; ``query`` has the first value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: str


class Response(NamedTuple):
    """One answer; ``exit_code`` ends the server after it has been sent."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    exit_code: int | None = None


Handler = Callable[[Request], Response]
DatagramHandler = Callable[[bytes, str], bytes]


class _Connection:
    __slots__ = ("client", "is_closing", "received", "sock", "unsent")

    def __init__(self, sock: socket.socket, client: str) -> None:
        self.sock = sock
        self.client = client
        self.received = bytearray()
        self.unsent = bytearray()
        self.is_closing = False


class Server:
    """Serves HTTP on listeners and, for agnhost, datagrams beside it."""

    def __init__(
        self,
        handle: Handler,
        headers: Sequence[tuple[str, str]],
        datagrams: Sequence[socket.socket] = (),
        answer: DatagramHandler | None = None,
    ) -> None:
        self._handle = handle
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._answer = answer
        self._datagrams = {each.fileno(): each for each in datagrams}
        self._listeners: dict[int, socket.socket] = {}
        self._connections: dict[int, _Connection] = {}
        self._is_stopping = False
        self._lingers_until: float | None = None
        self._exit_code = 0

    def serving(self, listeners: Sequence[socket.socket]) -> Callable[[], NoReturn]:
        """Return what serves on these, which are bound and listening."""
        self._listeners = {each.fileno(): each for each in listeners}
        return self.serve

    def serve(self) -> NoReturn:
        """Serve until SIGTERM; then finish what has been asked and exit."""
        wake_read, wake_write = socket.socketpair()
        wake_read.setblocking(False)
        wake_write.setblocking(False)
        signal.set_wakeup_fd(wake_write.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._epoll = select.epoll()
        # Edge-triggered: nobody reads these bytes, they only end one poll.
        self._epoll.register(wake_read.fileno(), select.EPOLLIN | select.EPOLLET)
        for descriptor in (*self._listeners, *self._datagrams):
            self._epoll.register(descriptor, select.EPOLLIN)
        while not self._is_stopping or self._listeners or self._connections:
            for descriptor, events in self._epoll.poll(LINGER_SECONDS if self._is_stopping else 1.0):
                self._dispatch(descriptor, events)
            if self._is_stopping:
                self._drain()
        raise SystemExit(self._exit_code)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def _drain(self) -> None:
        now = time.monotonic()
        if self._lingers_until is None:
            self._lingers_until = now + LINGER_SECONDS
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
            self._accept(self._listeners[descriptor])
        elif descriptor in self._datagrams:
            self._receive_datagrams(self._datagrams[descriptor])
        elif connection := self._connections.get(descriptor):
            try:
                if events & select.EPOLLOUT:
                    self._flush(connection)
                if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                    self._receive(connection)
            except OSError:
                self._close(connection)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[sock.fileno()] = _Connection(sock, f"{peer[0]}:{peer[1]}")
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _receive_datagrams(self, sock: socket.socket) -> None:
        while True:
            try:
                packet, peer = sock.recvfrom(65536)
            except OSError:
                return
            reply = self._answer(packet, f"{peer[0]}:{peer[1]}") if self._answer else b""
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
        end = connection.received.find(b"\r\n\r\n")
        if end < 0:
            if len(connection.received) > MAX_HEAD:
                self._reply(connection, "GET", _plain(431), keep_alive=False)
            return False
        parsed = _parse_head(bytes(connection.received[:end]).decode("latin-1"), connection.client)
        if parsed is None:
            self._reply(connection, "GET", _plain(400), keep_alive=False)
            return False
        request, version = parsed
        length = request.headers.get("content-length", "0")
        if "transfer-encoding" in request.headers or not length.isdecimal():
            self._reply(connection, request.method, _plain(501), keep_alive=False)
            return False
        if int(length) > MAX_BODY:
            self._reply(connection, request.method, _plain(413), keep_alive=False)
            return False
        if len(connection.received) < end + 4 + int(length):
            if request.headers.get("expect", "").lower() == "100-continue" and not connection.unsent:
                connection.unsent += b"HTTP/1.1 100 Continue\r\n\r\n"
            return False
        del connection.received[: end + 4 + int(length)]
        wanted = request.headers.get("connection", "").lower()
        keep_alive = wanted != "close" if version == "HTTP/1.1" else wanted == "keep-alive"
        self._reply(connection, request.method, self._handle(request), keep_alive=keep_alive)
        return True

    def _reply(self, connection: _Connection, method: str, response: Response, *, keep_alive: bool) -> None:
        keep_alive = keep_alive and not self._is_stopping and response.exit_code is None
        if response.exit_code is not None:
            self._is_stopping, self._exit_code = True, response.exit_code
        extra = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
        head = (
            f"HTTP/1.1 {response.status} {_phrase(response.status)}\r\nDate: {_date()}\r\n"
            f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n"
            f"{self._headers}{extra}Connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
        )
        connection.unsent += head.encode("latin-1", "replace")
        if method != "HEAD":
            connection.unsent += response.body
        connection.is_closing = not keep_alive

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


def _parse_head(head: str, client: str) -> tuple[Request, str] | None:
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            return None
        headers[name.lower()] = value.strip()
    try:
        target = urlsplit(words[1])
    except ValueError:
        return None
    query = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
    return Request(words[0], target.path or "/", query, headers, client), words[2]


def _date() -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _plain(status: int) -> Response:
    return Response(status, f"{status} {_phrase(status)}\n".encode())
