"""The HTTP of an upgrade: its request, and what its answer has to say. Pure.

RFC 9110 7.8 and RFC 6455 4; the protocols of port-forward are in their headers as kubectl has them
(client-go ``transport/websocket``, ``apimachinery/pkg/util/httpstream/spdy``).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from kubeclient.http.messages import Answer, Headers, request

WEBSOCKET, SPDY = "websocket", "SPDY/3.1"
_ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SPDY_PROTOCOL = "X-Stream-Protocol-Version"
_SOCKET_PROTOCOL = "Sec-WebSocket-Protocol"


class Upgrade(NamedTuple):
    """The upgrade to ask for: ``upgrade`` is WEBSOCKET or SPDY, ``protocols`` what is to be spoken within."""

    upgrade: str
    protocols: Sequence[str]


def upgrade_request(target: str, authority: str, headers: Headers, wanted: Upgrade, key: str) -> bytes:
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
    return request(method, target, lines)


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
