"""HTTP messages of the built-in servers: requests as they are read, answers as they are written."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit


class Request(NamedTuple):
    """One request. ``query`` has the first value of each name in ``query_text``; it came to ``port``."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: str
    port: int
    is_stopping: bool
    body: bytes = b""
    query_text: str = ""


class Datagram(NamedTuple):
    """One datagram; ``port`` is the one that it came to."""

    content: bytes
    client: str
    port: int


class Response(NamedTuple):
    """One answer. ``exit_code`` ends the server after it, ``is_last`` the connection.

    With ``later``, that function makes the real answer; it may block. ``due`` is when it is sent, in seconds of the
    monotonic clock; None is at once.
    """

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    exit_code: int | None = None
    is_last: bool = False
    later: Callable[[], Response] | None = None
    due: float | None = None


class Service(NamedTuple):
    """How a server answers. ``respond`` answers a request, ``answer`` a datagram (b"" is no answer); neither may block.

    With ``takes_lines`` a line that is no HTTP request is handled like a GET of /, with the method "", and ends the
    connection. ``headers`` are in every answer. ``greeting`` is all that a client is sent, in place of HTTP. A server
    that is told to stop goes on for ``delay_seconds``, for a moment at least. ``raw`` serves the connections to a
    port that has another protocol, each in a process of its own. ``certificate`` are the
    files of a certificate and its key for TLS, None for those of the image.
    """

    respond: Callable[[Request], Response]
    headers: tuple[tuple[str, str], ...]
    answer: Callable[[Datagram], bytes] | None = None
    greeting: bytes | None = None
    delay_seconds: float = 0.0
    takes_lines: bool = False
    raw: Mapping[int, Callable[[socket.socket], None]] = {}
    certificate: tuple[str, str] | None = None


def encode(response: Response, method: str, headers: str, *, keep_alive: bool) -> bytes:
    """Return an answer as it is sent, to a ``method`` "" its body alone; ``headers`` are complete header lines."""
    if not method:
        return response.body
    extra = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    head = (
        f"HTTP/1.1 {response.status} {phrase(response.status)}\r\nDate: {_date()}\r\n"
        f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n"
        f"{headers}{extra}Connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
    )
    return head.encode("latin-1", "replace") + (b"" if method == "HEAD" else response.body)


class Head(NamedTuple):
    """The request line and the headers of a request."""

    method: str
    target: SplitResult
    version: str
    headers: dict[str, str]

    @property
    def is_kept_alive(self) -> bool:
        """Whether the connection stays open after the answer."""
        wanted = self.headers.get("connection", "").lower()
        return wanted != "close" if self.version == "HTTP/1.1" else wanted == "keep-alive"

    def request(self, client: str, port: int, *, is_stopping: bool) -> Request:
        """Return the request, as it came from ``client`` to ``port``."""
        text, path = self.target.query, self.target.path or "/"
        query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        return Request(self.method, path, query, self.headers, client, port, is_stopping, b"", text)


LINE = Head("", urlsplit("/"), "", {})
"""Stands for a line that is no HTTP request, where a service answers those (``Service.takes_lines``)."""

_BLANK_LINE = re.compile(rb"\n\r?\n")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^`|~\w-]+ [^ ]+ HTTP/1\.[01]\r?")


def find_head(received: bytearray) -> tuple[int, int] | None:
    """Return the offsets of a head's end and of the body's begin; None if the head is not complete.

    A line may end in a bare LF, as for Go (RFC 9112, 2.2).
    """
    blank = _BLANK_LINE.search(received)
    return (blank.start(), blank.end()) if blank else None


def is_hopeless(received: bytearray) -> bool:
    """Tell whether the first line is complete but is no request line: more bytes will not help."""
    end = received.find(b"\n")
    return end >= 0 and not _REQUEST_LINE.fullmatch(received, 0, end)


def parse_head(head: bytes) -> Head | None:
    """Read a head; None if it is no request's."""
    first, *lines = [line.removesuffix("\r") for line in head.decode("latin-1").split("\n")]
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
    return Head(words[0], target, words[2], headers)


def _date() -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())


def phrase(status: int) -> str:
    """Return the reason phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def plain(status: int) -> Response:
    """Return an answer with its status as its body."""
    return Response(status, f"{status} {phrase(status)}\n".encode())
