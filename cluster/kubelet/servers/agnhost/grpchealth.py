"""``agnhost grpc-health-checking``: the gRPC health protocol, and by HTTP what it shall say.

A connection of gRPC is served by a child of its own, with the state that was when it came. Of a request only the
message is read: whatever it calls is answered as Health/Check. Follows k8s.io/kubernetes
``test/images/agnhost/grpc-health-checking``.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

from kubelet import http2
from kubelet.servers.agnhost.http2calls import STATUS_OK, is_end_of_call, serve_calls
from kubelet.servers.http.messages import Request, Response, Service, plain

SERVING, NOT_SERVING = 1, 2
NOT_FOUND = 5
"""The gRPC status of a service that is not known."""
_HEADERS = STATUS_OK + http2.CONTENT_TYPE + http2.string("application/grpc")


class Health:
    """What the server says: healthy until ``delay_seconds`` (None: always) or as ``forced``."""

    def __init__(self, service: str, delay_seconds: float | None) -> None:
        self.service = service
        self._delay = delay_seconds
        self._began = time.monotonic()
        self._is_forced: bool | None = None

    def force(self, *, is_healthy: bool) -> str:
        """Set what is said, and return for how long the server has run."""
        self._is_forced = is_healthy
        return f"{time.monotonic() - self._began:.6f}s"

    def status(self) -> int:
        """Return SERVING or NOT_SERVING."""
        # As in agnhost, what is forced healthy is unhealthy all the same after the delay.
        is_over = self._delay is not None and time.monotonic() - self._began >= self._delay
        return NOT_SERVING if self._is_forced is False or is_over else SERVING


def grpc_health(options: Mapping[str, Any], _name: str) -> Service:
    """Return the service: HTTP on its first port, gRPC on ``options["grpc_port"]``."""
    health = Health(options["service"], options["delay"])

    def respond(request: Request) -> Response:
        if request.path in ("/make-serving", "/make-not-serving"):
            return Response(200, health.force(is_healthy=request.path == "/make-serving").encode())
        return plain(404)

    return Service(respond, (), raw={options["grpc_port"]: lambda sock: serve_connection(sock, health)})


def serve_connection(sock: socket.socket, health: Health) -> None:
    """Answer every call of one connection until it ends; OSError."""
    bodies: dict[int, bytearray] = {}
    serve_calls(sock, lambda frame: _answer_to(frame, bodies, health))


def _answer_to(frame: http2.Frame, bodies: dict[int, bytearray], health: Health) -> bytes:
    """Return the answer to a call that has ended, b"" for any other frame."""
    if frame.type == http2.DATA:
        bodies.setdefault(frame.stream, bytearray()).extend(frame.payload)
    if not is_end_of_call(frame):
        return b""
    body = bodies.pop(frame.stream, bytearray())
    if _service_of(bytes(body)) != health.service:
        return _ended(frame.stream, _HEADERS, NOT_FOUND)
    message = bytes((0x08, health.status()))
    data = b"\0" + len(message).to_bytes(4, "big") + message
    head = http2.frame(http2.HEADERS, http2.END_HEADERS, frame.stream, _HEADERS)
    return head + http2.frame(http2.DATA, 0, frame.stream, data) + _ended(frame.stream, b"", 0)


def _ended(stream: int, headers: bytes, status: int) -> bytes:
    trailer = headers + http2.NEW_NAME + http2.string("grpc-status") + http2.string(str(status))
    return http2.frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, stream, trailer)


def _service_of(body: bytes) -> str:
    """Return the service of a HealthCheckRequest behind gRPC's five bytes, "" if it names none."""
    message = body[5:]
    if message[:1] != b"\x0a" or len(message) < 2:
        return ""
    return message[2 : 2 + message[1]].decode(errors="replace")
