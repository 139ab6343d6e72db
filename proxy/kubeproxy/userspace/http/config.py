"""The limits and time-outs of HTTP Services: seconds and bytes, each with its precedent."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Wait(IntEnum):
    """What a client's connection waits for; each has its time in ``HttpConfig.waits``."""

    HEAD = 0
    """The rest of a request's head."""
    REQUEST = 1
    """The next request."""
    BODY = 2
    """More of a request's body."""
    ANSWER = 3
    """More of the endpoint's answer."""
    TAKE = 4
    """The client, to take what it was sent."""
    END = 5
    """The client, to end after its last answer."""


class HttpConfig(NamedTuple):
    """How HTTP Services are served."""

    head_bytes: int = 32 * 1024
    """A whole head, requests' (else 431) and answers' (else 502): nginx' large_client_header_buffers, 4 times 8k."""
    request_line_bytes: int = 8 * 1024
    """The request line (else 414): nginx' 8k; RFC 9112 3 asks for 8000 at least."""
    header_fields: int = 100
    """Header fields of one head (else 431 or 502): Apache's LimitRequestFields."""
    pipeline_bytes: int = 64 * 1024
    """Most bytes that are read ahead of a client while its request is being answered; the rest waits in its socket."""
    idle_per_endpoint: int = 128
    """Kept connections to one endpoint of one Service port; nginx' ``keepalive`` is a number of this kind."""
    idle_seconds: float = 4.0
    """How long they are kept: less than the shortest common keep-alive of servers (Node.js, uvicorn: 5 s)."""
    header_seconds: float = 10.0
    """From a request's first byte, or from the connection's start, to the end of its head (else 408): HAProxy's
    advice for ``timeout http-request``, which is there against slow-loris."""
    keep_alive_seconds: float = 75.0
    """How long a client may be idle between requests: nginx' keepalive_timeout."""
    body_seconds: float = 60.0
    """The longest pause within a request's body (else 408): nginx' client_body_timeout."""
    answer_seconds: float = 60.0
    """The longest silence of an endpoint that owes an answer (504 before its head): nginx' proxy_read_timeout."""
    send_seconds: float = 60.0
    """How long a client may take nothing of its answer: nginx' send_timeout."""
    tunnel_seconds: float = 3600.0
    """How long an upgraded connection may be silent: HAProxy's advice for ``timeout tunnel``."""
    linger_seconds: float = 5.0
    """How long a client that still sends is read after the last answer: nginx' lingering_timeout."""
    sweep_seconds: float = 1.0
    """How often these times are checked, and so how late an expiry may be noticed."""
    shows_endpoint: bool = False
    """Whether answers of every Service name their endpoint in ``X-Kubesvc-Endpoint``."""

    @property
    def waits(self) -> tuple[float, ...]:
        """The seconds of each ``Wait``, in their order."""
        return (
            self.header_seconds,
            self.keep_alive_seconds,
            self.body_seconds,
            self.answer_seconds,
            self.send_seconds,
            self.linger_seconds,
        )
