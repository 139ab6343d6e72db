"""The gRPC health protocol as one probe needs it: a request in HTTP/2 frames, and the answer to it. Pure.

No header of the answer is read: an answer without a message is a refusal.
Follows grpc/grpc ``doc/health-checking.md``; ``http2`` has the frames.
"""

from __future__ import annotations

from kubelet import http2
from kubelet.pod.probes import ProbeOutcome

STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
MAX_RECEIVED = 256 * 1024
"""Bytes without a status after which the server is given up."""


def health_request(authority: str, service: str) -> bytes:
    """Return all that the client sends at first: preface, settings, and the request for Health/Check."""
    headers = b"".join(
        (
            http2.METHOD_POST,
            http2.SCHEME_HTTP,
            http2.PATH + http2.string("/grpc.health.v1.Health/Check"),
            http2.AUTHORITY + http2.string(authority),
            http2.CONTENT_TYPE + http2.string("application/grpc"),
            http2.NEW_NAME + http2.string("te") + http2.string("trailers"),
        )
    )
    name = service.encode()
    message = b"\x0a" + _integer(len(name)) + name if name else b""
    body = b"\0" + len(message).to_bytes(4, "big") + message
    return (
        http2.PREFACE
        + http2.frame(http2.SETTINGS, 0, 0, b"")
        + http2.frame(http2.HEADERS, http2.END_HEADERS, http2.STREAM, headers)
        + http2.frame(http2.DATA, http2.END_STREAM, http2.STREAM, body)
    )


class HealthAnswer:
    """Reads the server's bytes; ``outcome`` is None until they decide it."""

    def __init__(self) -> None:
        self.outcome: ProbeOutcome | None = None
        self._received = http2.FrameBuffer()
        self._message = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes, b"" at the end of the connection, and return those to send back."""
        self._received.put(chunk)
        reply = b""
        while self.outcome is None and (received := self._received.take()) is not None:
            reply += http2.reply_to(received)
            self._take(received)
        if self.outcome is None and (not chunk or len(self._received) > MAX_RECEIVED):
            self.outcome = ProbeOutcome(False, "error: health rpc failed: connection closed before an answer")
        return reply

    def _take(self, received: http2.Frame) -> None:
        if received.type == http2.DATA:
            self._message += received.payload
            self._judge()
        has_content = received.type in (http2.DATA, http2.HEADERS)
        is_end = received.type in (http2.RST_STREAM, http2.GOAWAY) or (
            has_content and received.flags & http2.END_STREAM
        )
        if self.outcome is None and is_end:
            text = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
            self.outcome = ProbeOutcome(False, text)

    def _judge(self) -> None:
        size = int.from_bytes(self._message[1:5], "big")
        if len(self._message) < 5 + size or len(self._message) < 5:
            return
        message = self._message[5 : 5 + size]
        status = STATUSES.get(message[1] if message[:1] == b"\x08" and size > 1 else 0, "UNKNOWN")
        is_serving = status == "SERVING"
        self.outcome = ProbeOutcome(is_serving, "" if is_serving else f'service unhealthy (responded with "{status}")')


def _integer(number: int) -> bytes:
    """Return a protobuf varint."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))
