"""HTTP/1.1 as a client speaks it: a request, and the head of its answer. Pure. RFC 9112."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

HEAD_LIMIT = 64 * 1024
SWITCHING = 101
_OLD = "HTTP/1.0"
"""Without another word, a server that speaks it closes the connection after its answer (RFC 9112 9.3)."""

Headers = Sequence[tuple[str, str]]


class Answer(NamedTuple):
    """The head of an answer; names of headers are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]

    @property
    def is_interim(self) -> bool:
        """Whether the answer proper comes after it (RFC 9110 15.2); 101 is the last one in HTTP."""
        return self.status < 200 and self.status != SWITCHING


class HeadReader:
    """Reads the head of an answer from bytes; ``rest`` is what has come after it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.rest = b""

    def feed(self, chunk: bytes) -> Answer | None:
        """Return the head once it is whole; ConnectionError if it is none."""
        self._buffer += chunk
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise ConnectionError(f"the head of the answer has more than {HEAD_LIMIT} bytes")
            return None
        self.rest = bytes(self._buffer[end + 4 :])
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        self._buffer.clear()
        version, _, rest = lines[0].partition(" ")
        code, _, reason = rest.partition(" ")
        if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
            raise ConnectionError(f"the answer is not HTTP/1.1: {lines[0][:100]!r}")
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if version == _OLD:
            headers.setdefault("connection", "close")
        return Answer(int(code), reason, headers)


def request(method: str, target: str, headers: Headers, body: bytes | None = None) -> bytes:
    """Return the bytes of a request, with the length of its body if it has one."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body if body is not None else b"")


def proxy_request(authority: str, authorization: str = "") -> bytes:
    """Return the request that has an HTTP proxy connect to ``authority`` (HOST:PORT)."""
    said = [("Proxy-Authorization", authorization)] if authorization else []
    return request("CONNECT", authority, [("Host", authority), *said])
