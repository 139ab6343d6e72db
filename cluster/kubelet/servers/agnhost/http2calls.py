"""One connection of HTTP/2 without TLS, and ``agnhost h2c-server``, which says "ok" to every call.

Follows RFC 9113; a call is answered when it has ended, in the order of its frames.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

from kubelet import http2
from kubelet.servers.http.messages import Service, plain

STATUS_OK = b"\x88"
_CHUNK = 64 * 1024
_HEADERS = STATUS_OK + http2.CONTENT_TYPE + http2.string("text/plain")


def serve_calls(sock: socket.socket, answer_to: Callable[[http2.Frame], bytes]) -> None:
    """Answer the frames of one connection until it ends, each with what is returned for it; OSError."""
    received = http2.FrameBuffer()
    sock.sendall(http2.frame(http2.SETTINGS, 0, 0, b""))
    is_greeted = False
    while chunk := sock.recv(_CHUNK):
        received.put(chunk)
        if not is_greeted:
            if len(received) < len(http2.PREFACE):
                continue
            if not received.skip(http2.PREFACE):
                return
            is_greeted = True
        while (frame := received.take()) is not None:
            sock.sendall(http2.reply_to(frame) + answer_to(frame))


def is_end_of_call(frame: http2.Frame) -> bool:
    """Tell whether a request has ended with a frame."""
    return frame.type in (http2.DATA, http2.HEADERS) and bool(frame.flags & http2.END_STREAM)


def h2c_server(options: Mapping[str, Any], _name: str) -> Service:
    """Return the service, whose port has HTTP/2 alone."""
    return Service(lambda _: plain(404), (), raw={options["port"]: lambda sock: serve_calls(sock, _ok)})


def _ok(frame: http2.Frame) -> bytes:
    if not is_end_of_call(frame):
        return b""
    head = http2.frame(http2.HEADERS, http2.END_HEADERS, frame.stream, _HEADERS)
    return head + http2.frame(http2.DATA, http2.END_STREAM, frame.stream, b"ok")
