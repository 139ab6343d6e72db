"""The gRPC health protocol as one probe needs it: a request in HTTP/2 frames, and the answer to it. Pure.

No header of the answer is read, so no HPACK decoder is needed: an answer without a message is a refusal.
Follows grpc/grpc ``doc/health-checking.md``, RFC 9113 and RFC 7541 (static table, literals without indexing).
"""

from __future__ import annotations

from kubelet.pod.probes import ProbeOutcome

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4
STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
MAX_RECEIVED = 256 * 1024
"""Bytes without a status after which the server is given up."""
_METHOD_POST, _SCHEME_HTTP = b"\x83", b"\x86"
_PATH, _AUTHORITY, _CONTENT_TYPE, _NEW_NAME = b"\x04", b"\x01", b"\x0f\x10", b"\x00"


def health_request(authority: str, service: str) -> bytes:
    """Return all that the client sends at first: preface, settings, and the request for Health/Check."""
    headers = b"".join(
        (
            _METHOD_POST,
            _SCHEME_HTTP,
            _PATH + _text("/grpc.health.v1.Health/Check"),
            _AUTHORITY + _text(authority),
            _CONTENT_TYPE + _text("application/grpc"),
            _NEW_NAME + _text("te") + _text("trailers"),
        )
    )
    name = service.encode()
    message = b"\x0a" + _integer(len(name)) + name if name else b""
    body = b"\0" + len(message).to_bytes(4, "big") + message
    return (
        PREFACE
        + _frame(SETTINGS, 0, 0, b"")
        + _frame(HEADERS, END_HEADERS, 1, headers)
        + _frame(DATA, END_STREAM, 1, body)
    )


class HealthAnswer:
    """Reads the server's bytes; ``outcome`` is None until they decide it."""

    def __init__(self) -> None:
        self.outcome: ProbeOutcome | None = None
        self._received = bytearray()
        self._message = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes, b"" at the end of the connection, and return those to send back."""
        self._received += chunk
        reply = b""
        while self.outcome is None and len(self._received) >= 9:
            length = int.from_bytes(self._received[:3], "big")
            if len(self._received) < 9 + length:
                break
            frame_type, flags = self._received[3], self._received[4]
            payload = bytes(self._received[9 : 9 + length])
            del self._received[: 9 + length]
            reply += self._take(frame_type, flags, payload)
        if self.outcome is None and (not chunk or len(self._received) > MAX_RECEIVED):
            self.outcome = ProbeOutcome(False, "error: health rpc failed: connection closed before an answer")
        return reply

    def _take(self, frame_type: int, flags: int, payload: bytes) -> bytes:
        if frame_type in (SETTINGS, PING) and not flags & ACK:
            return _frame(frame_type, ACK, 0, payload if frame_type == PING else b"")
        if frame_type == DATA:
            self._message += payload
            self._judge()
        is_end = frame_type in (RST_STREAM, GOAWAY) or (frame_type in (DATA, HEADERS) and flags & END_STREAM)
        if self.outcome is None and is_end:
            text = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
            self.outcome = ProbeOutcome(False, text)
        return b""

    def _judge(self) -> None:
        size = int.from_bytes(self._message[1:5], "big")
        if len(self._message) < 5 + size or len(self._message) < 5:
            return
        message = self._message[5 : 5 + size]
        status = STATUSES.get(message[1] if message[:1] == b"\x08" and size > 1 else 0, "UNKNOWN")
        is_serving = status == "SERVING"
        self.outcome = ProbeOutcome(is_serving, "" if is_serving else f'service unhealthy (responded with "{status}")')


def _frame(frame_type: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((frame_type, flags)) + stream.to_bytes(4, "big") + payload


def _text(text: str) -> bytes:
    """Return an HPACK string literal, cut to the 126 bytes that a length of one byte allows."""
    raw = text.encode()[:126]
    return bytes((len(raw),)) + raw


def _integer(number: int) -> bytes:
    """Return a protobuf varint."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))
