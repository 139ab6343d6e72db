"""One connection of a built-in server: which requests have come whole, and what waits to be sent."""

from __future__ import annotations

import contextlib
import socket
from typing import NamedTuple

from kubelet.servers.http.messages import LINE, Head, find_head, is_hopeless, parse_head

MAX_HEAD = 64 * 1024
MAX_BODY = 1024 * 1024


class Refusal(NamedTuple):
    """What has come is refused with an HTTP status; ``method`` is the request's, as far as it is known."""

    status: int
    method: str = "GET"


class Connection:
    """``received`` waits to be understood, ``unsent`` to be sent; one that ``is_closing`` ends when all is sent.

    While it ``is_waiting`` for an answer that is due later, nothing more is read from it. ``body`` is that of the
    request that was taken last.
    """

    __slots__ = ("body", "client", "is_closing", "is_waiting", "port", "received", "sock", "unsent")

    def __init__(self, sock: socket.socket, client: str) -> None:
        self.sock = sock
        self.client = client
        self.port: int = sock.getsockname()[1]
        self.body = b""
        self.received = bytearray()
        self.unsent = bytearray()
        self.is_closing = False
        self.is_waiting = False

    def receive(self) -> bool:
        """Receive once; False if the client has closed. OSError."""
        chunk = self.sock.recv(65536)
        self.received += chunk
        return bool(chunk)

    def flush(self) -> bool:
        """Send what the client takes; return whether the connection is over. OSError."""
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                sent = self.sock.send(self.unsent)
                del self.unsent[:sent]
        if self.unsent or not self.is_closing:
            return False
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        return True

    def take_request(self, *, takes_lines: bool) -> Head | Refusal | None:
        """Remove the first request and return its head; None as long as it has not come whole."""
        found = find_head(self.received)
        if found is None:
            return self._take_line(takes_lines=takes_lines)
        end, begin = found
        head = parse_head(bytes(self.received[:end]))
        if head is None:
            return Refusal(400)
        length = head.headers.get("content-length", "0")
        if (status := _refused_body(head, length)) is not None:
            return Refusal(status, head.method)
        if len(self.received) < begin + int(length):
            if head.headers.get("expect", "").lower() == "100-continue" and not self.unsent:
                self.unsent += b"HTTP/1.1 100 Continue\r\n\r\n"
            return None
        end = begin + int(length)
        self.body = bytes(self.received[begin:end])
        del self.received[:end]
        return head

    def _take_line(self, *, takes_lines: bool) -> Head | Refusal | None:
        """Return what to make of a head that has not come whole."""
        if not is_hopeless(self.received):
            return Refusal(431) if len(self.received) > MAX_HEAD else None
        if not takes_lines:
            return Refusal(400)
        self.received.clear()
        return LINE


def _refused_body(head: Head, length: str) -> int | None:
    """Return the status with which a request's body is refused, None for one that is read."""
    if "transfer-encoding" in head.headers or not length.isdecimal():
        return 501
    return 413 if int(length) > MAX_BODY else None
