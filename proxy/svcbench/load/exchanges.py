"""How one request and its answer look in each protocol, without a socket. Pure.

An exchange belongs to one connection and is used for one request after the other. HTTP/1.1 follows RFC 9112: an answer
ends after its Content-Length, its last chunk, or with the connection.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from svcbench.outcomes import ANSWERED, CUT_OFF, MALFORMED, outcome_of


class Answer(NamedTuple):
    """What a request got: an outcome (``outcomes.ANSWERED``, or what is wrong), and the pod that it names, "" for none.

    ``can_stay`` tells whether the connection can carry another request.
    """

    outcome: str
    pod: str
    can_stay: bool


class Exchange(Protocol):
    """Makes the requests of one connection and reads their answers."""

    def request(self) -> bytes:
        """Begin a request; return its bytes."""
        ...

    def feed(self, data: bytes) -> Answer | None:
        """Take in what came, b"" for the end; the answer when it is whole, None before."""
        ...


class EchoExchange:
    """TCP or UDP: sends a payload; whatever comes first is the answer."""

    def __init__(self, payload: bytes, *, can_stay: bool) -> None:
        self._payload = payload
        self._can_stay = can_stay

    def request(self) -> bytes:
        """Return the payload."""
        return self._payload

    def feed(self, data: bytes) -> Answer | None:
        """Return the answer."""
        return Answer(ANSWERED if data else CUT_OFF, "", bool(data) and self._can_stay)


class DNSExchange:
    """Queries for the A records of a name; an answer without an error is well. One to another query is ignored.

    UnicodeError for a name that no packet can have.
    """

    _HEADER = struct.Struct("!HHHHHH")
    _RECURSION_DESIRED, _CODE = 0x0100, 0xF
    _CODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")

    def __init__(self, name: str, first: int = 0) -> None:
        self._question = _encoded(name) + b"\0\1\0\1"
        self._number = first & 0xFFFF

    def request(self) -> bytes:
        """Return the next query."""
        self._number = (self._number + 1) & 0xFFFF
        return self._HEADER.pack(self._number, self._RECURSION_DESIRED, 1, 0, 0, 0) + self._question

    def feed(self, data: bytes) -> Answer | None:
        """Return the answer, None if it belongs to another query."""
        if len(data) < self._HEADER.size:
            return Answer(MALFORMED, "", True)
        number, flags, *_ = self._HEADER.unpack_from(data)
        if number != self._number:
            return None
        code = flags & self._CODE
        said = self._CODES[code] if code < len(self._CODES) else f"RCODE {code}"
        return Answer(ANSWERED if not code else said, "", True)


def _encoded(name: str) -> bytes:
    """Return a name as a packet has it; UnicodeError if it has a label that is empty or over 63 bytes long."""
    labels = [each.encode("idna") for each in name.rstrip(".").split(".")] if name.rstrip(".") else []
    if not all(labels):
        message = "label empty"
        raise UnicodeError(message)
    return b"".join(bytes((len(each),)) + each for each in labels) + b"\0"


KEY = b"{}"
"""Where a request has its key."""


def get_request(path: str, host: str, headers: Sequence[str] = (), *, keeps: bool = True) -> bytes:
    """Return a GET with more ``headers``, each a whole line."""
    last = () if keeps else ("Connection: close",)
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: kubesvc-bench", *headers, *last)
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


class HTTPExchange:
    """Sends a request (``get_request``) again and again; a status of 400 or more is an error.

    The pod is what X-Pod or X-Kubesvc-Endpoint says. With ``keys``, each ``{}`` in the request is the next of them.
    """

    def __init__(self, request: bytes, *, keeps: bool, keys: Callable[[], int] | None = None) -> None:
        self._request = request
        self._keys = keys if KEY in request else None
        self._keeps = keeps
        self._head = b""
        self._body: _Body | None = None
        self._answer = Answer("", "", False)

    def request(self) -> bytes:
        """Return the request."""
        self._head, self._body = b"", None
        return self._request if self._keys is None else self._request.replace(KEY, b"%d" % self._keys())

    def feed(self, data: bytes) -> Answer | None:
        """Return the answer when it is whole."""
        if self._body is not None:
            return self._read_body(data)
        if not data:
            return Answer(CUT_OFF, "", False)
        head, blank, rest = (self._head + data).partition(b"\r\n\r\n")
        if not blank:
            self._head = head
            return None
        return self._read_head(head, rest)

    def _read_head(self, head: bytes, rest: bytes) -> Answer | None:
        found = _STATUS.match(head)
        if found is None:
            return Answer(MALFORMED, "", False)
        status = int(found[1])
        if 100 <= status < 200:
            self._head = b""
            return self.feed(rest) if rest else None
        fields = _FIELDS.findall(head)
        named = {name.lower(): value for name, value in fields} if fields else _NO_FIELDS
        self._body = _body(status, named)
        can_stay = self._keeps and self._body.has_end and named.get(b"connection", b"").lower() != b"close"
        pod = named.get(b"x-pod") or named.get(b"x-kubesvc-endpoint") or b""
        self._answer = Answer(outcome_of(status), pod.decode("latin-1"), can_stay)
        return self._read_body(rest) if rest or self._body.is_complete else None

    def _read_body(self, data: bytes) -> Answer | None:
        assert self._body is not None
        if not data and not self._body.is_complete:
            return self._answer if not self._body.has_end else Answer(CUT_OFF, self._answer.pod, False)
        problem = self._body.feed(data)
        if problem:
            return Answer(problem, self._answer.pod, False)
        return self._answer if self._body.is_complete else None


_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_FIELDS = re.compile(
    rb"(?i)\r\n(content-length|transfer-encoding|connection|x-pod|x-kubesvc-endpoint):"
    rb"[ \t]*([^\r\n]*?)[ \t]*(?=\r\n|\Z)"
)
_NO_FIELDS: dict[bytes, bytes] = {}


class _Body:
    """A body of known length (``left``), in chunks, or, without an end of its own, until the connection ends."""

    __slots__ = ("_chunks", "has_end", "is_complete", "left")

    def __init__(self, left: int | None, *, is_chunked: bool = False) -> None:
        self.left = left or 0
        self._chunks: _Chunks | None = _Chunks() if is_chunked else None
        self.has_end = left is not None or is_chunked
        self.is_complete = left == 0

    def feed(self, data: bytes) -> str:
        """Take data in; returns what is wrong with it, "" if nothing is."""
        if self._chunks is not None:
            self.is_complete = self._chunks.feed(data)
            return self._chunks.problem
        if self.has_end:
            self.left -= len(data)
            self.is_complete = self.left <= 0
        return "more than the announced length" if self.left < 0 else ""


def _body(status: int, fields: dict[bytes, bytes]) -> _Body:
    if status in (204, 304):
        return _Body(0)
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return _Body(None, is_chunked=True)
    length = fields.get(b"content-length", b"")
    return _Body(int(length) if length.isdigit() else None)


class _Chunks:
    """The end of a body in chunks: sizes are followed, contents skipped, trailers read to the blank line."""

    __slots__ = ("_is_last", "_pending", "_skip", "problem")

    def __init__(self) -> None:
        self._pending = b""
        self._skip = 0
        self._is_last = False
        self.problem = ""

    def feed(self, data: bytes) -> bool:
        """Take data in; tells whether the body is complete."""
        self._pending += data
        while self._pending and not self.problem:
            if self._skip:
                skipped = min(self._skip, len(self._pending))
                self._pending = self._pending[skipped:]
                self._skip -= skipped
                continue
            line, end, rest = self._pending.partition(b"\r\n")
            if not end:
                return False
            self._pending = rest
            if self._is_last and not line:
                return True
            if not self._is_last:
                self._size(line)
        return False

    def _size(self, line: bytes) -> None:
        digits = line.partition(b";")[0].strip()
        try:
            size = int(digits, 16)
        except ValueError:
            self.problem = MALFORMED
            return
        self._is_last = size == 0
        self._skip = size + 2 if size else 0
