"""The HTTP of an upgrade: one request, and the head of its answer. Pure.

RFC 9110 7.8 and RFC 6455 4; the protocols of port-forward are in their headers as kubectl has them
(client-go ``transport/websocket``, ``apimachinery/pkg/util/httpstream/spdy``).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

HEAD_LIMIT = 64 * 1024
WEBSOCKET, SPDY = "websocket", "SPDY/3.1"
_ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SPDY_PROTOCOL = "X-Stream-Protocol-Version"
_SOCKET_PROTOCOL = "Sec-WebSocket-Protocol"


class Upgrade(NamedTuple):
    """The upgrade to ask for: ``upgrade`` is WEBSOCKET or SPDY, ``protocols`` what is to be spoken within."""

    upgrade: str
    protocols: Sequence[str]


class Answer(NamedTuple):
    """The head of an answer; names of headers are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]


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
        return Answer(int(code), reason, {name.strip().lower(): value.strip() for name, _, value in pairs})


def upgrade_request(
    target: str, authority: str, headers: Sequence[tuple[str, str]], wanted: Upgrade, key: str
) -> bytes:
    """Return the request. ``key`` is the random Sec-WebSocket-Key, base64 of 16 bytes."""
    lines = [*headers, ("Host", authority), ("Connection", "Upgrade"), ("Upgrade", wanted.upgrade)]
    if wanted.upgrade == WEBSOCKET:
        lines += [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)]
        lines.append((_SOCKET_PROTOCOL, ", ".join(wanted.protocols)))
        method = "GET"
    else:
        lines += [(_SPDY_PROTOCOL, each) for each in wanted.protocols]
        lines.append(("Content-Length", "0"))
        method = "POST"
    head = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines)]
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


def check_upgrade(answer: Answer, wanted: Upgrade, key: str) -> str:
    """Return the protocol that the server has chosen of the wanted ones; ConnectionError if it is another upgrade."""
    if answer.headers.get("upgrade", "").lower() != wanted.upgrade.lower():
        raise ConnectionError(f"the server upgrades to {answer.headers.get('upgrade')!r}, not to {wanted.upgrade}")
    name = _SPDY_PROTOCOL
    if wanted.upgrade == WEBSOCKET:
        digest = hashlib.sha1((key + _ACCEPT_GUID).encode(), usedforsecurity=False).digest()
        if answer.headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise ConnectionError("the answer is that to another WebSocket handshake: a proxy has kept it")
        name = _SOCKET_PROTOCOL
    chosen = answer.headers.get(name.lower(), "")
    if chosen not in wanted.protocols:
        raise ConnectionError(
            f"the server speaks {chosen!r} within {wanted.upgrade}, not {', '.join(wanted.protocols)}"
        )
    return chosen


def proxy_request(authority: str, authorization: str = "") -> bytes:
    """Return the request that has an HTTP proxy connect to ``authority`` (HOST:PORT)."""
    line = f"Proxy-Authorization: {authorization}\r\n" if authorization else ""
    return f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{line}\r\n".encode("latin-1")
