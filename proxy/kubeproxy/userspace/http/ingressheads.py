"""The head that the endpoint of an Ingress gets: with the fields that ingress-nginx sets, and none of a client's. Pure.

As ingress-nginx without use-forwarded-headers: what a client says of itself in these fields is replaced, so that the
endpoint can believe them; what it said in X-Forwarded-For comes as X-Original-Forwarded-For.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kubeproxy.http.requesthead import Request
from kubeproxy.userspace.http.forwarding import forward_request

_NAMES = (
    b"x-real-ip x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-forwarded-scheme x-scheme "
    b"x-original-forwarded-for x-request-id"
).split()
_OWN = frozenset(_NAMES)
_SENT = re.compile(rb"\r\n(?:%b)[ \t]*:[^\r\n]*" % b"|".join(name for name in _NAMES[:-1]), re.IGNORECASE)
_REQUEST_ID = re.compile(rb"\r\nX-Request-ID[ \t]*:", re.IGNORECASE)


class Sender(NamedTuple):
    """The client's address, the host of requests that name none, and 443 where the client speaks TLS, else 80."""

    client: bytes
    host: bytes
    port: int


def ingress_head(request: Request, target: bytes, sender: Sender, request_id: bytes) -> bytes:
    """Return the head for the endpoint; ``request_id`` is used when the client gives none."""
    client, host, port = sender
    scheme, host = b"https" if port == 443 else b"http", request.host or host
    lines = [
        b"X-Real-IP: " + client,
        b"X-Forwarded-Host: " + host,
        b"X-Forwarded-Port: %d" % port,
        b"X-Forwarded-Proto: " + scheme,
        b"X-Forwarded-Scheme: " + scheme,
        b"X-Scheme: " + scheme,
    ]
    if b"x-forwarded-for" in request.special:
        lines.append(b"X-Original-Forwarded-For: " + request.special[b"x-forwarded-for"])
    if not _REQUEST_ID.search(request.fields):
        lines.append(b"X-Request-ID: " + request_id)
    fields = _SENT.sub(b"", request.fields) + b"\r\n".join(lines) + b"\r\n"
    special = {name: value for name, value in request.special.items() if name != b"x-forwarded-for"}
    special[b"x-forwarded-proto"] = special[b"x-forwarded-host"] = b""  # they are among the fields
    changed = Request(request.method, target, request.minor, fields, special)
    changed.host, changed.length, changed.upgrade = request.host, request.length, request.upgrade
    changed.options = request.options - _OWN
    return forward_request(changed, client, host)
