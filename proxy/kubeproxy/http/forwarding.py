"""How heads are passed on: hop-by-hop fields end here, and the client is named to the pod (RFC 9110 7.6). Pure.

``X-Forwarded-For`` is appended to; ``-Proto`` and ``-Host`` are kept where an Ingress in front has set them.
"""

from __future__ import annotations

from kubeproxy.http.heads import CHUNKED, END_TO_END, Answer, Request

_NAMED_FOR_NOTHING = frozenset((b"close", b"keep-alive", b"upgrade", b"te", b"")) | frozenset(
    (b"host", b"x-forwarded-for", b"content-type", b"content-encoding", *END_TO_END)
)
"""What Connection may name without taking a field away: options, and what frames, routes, or says who the client is."""


def forward_request(request: Request, client: bytes, host: bytes) -> bytes:
    """Return the head for the endpoint. ``host`` is said when the request (of HTTP/1.0) names none."""
    special = request.special
    if request.host is not None:
        host = request.host
    if b"x-forwarded-for" in special:
        client = special[b"x-forwarded-for"] + b", " + client
    said = b"X-Forwarded-For: " + client
    if b"x-forwarded-proto" not in special:
        said += b"\r\nX-Forwarded-Proto: http"
    if b"x-forwarded-host" not in special:
        said += b"\r\nX-Forwarded-Host: " + host
    if request.length == CHUNKED:
        said += b"\r\nTransfer-Encoding: chunked"
    if request.upgrade:
        said += b"\r\nConnection: Upgrade\r\nUpgrade: " + request.upgrade
    elif b"te" in special and b"trailers" in special[b"te"].lower():
        said += b"\r\nConnection: TE\r\nTE: trailers"
    first, *lines = _kept_lines(request.lines, request.options)
    first = b"%b %b HTTP/1.1\r\nHost: %b" % (request.method, request.target, host)
    return b"\r\n".join((first, *lines, said, b"\r\n"))


def forward_answer(
    answer: Answer, *, is_last: bool, is_for_http_1_0: bool, endpoint: str = "", strips_chunks: bool = False
) -> bytes:
    """Return the head for the client. ``endpoint`` is named when given; ``is_last``: the connection ends after it."""
    head = b"\r\n".join(_kept_lines(answer.lines, answer.options))
    if answer.minor == 0:
        head = b"HTTP/1.1" + head[8:]
    if answer.length == CHUNKED and not strips_chunks:
        head += b"\r\nTransfer-Encoding: chunked"
    if answer.upgrade and answer.status in (101, 426):
        head += b"\r\nUpgrade: " + answer.upgrade
        head += b"\r\nConnection: Upgrade, close" if is_last and answer.status == 426 else b"\r\nConnection: Upgrade"
    elif is_last:
        head += b"\r\nConnection: close"
    elif is_for_http_1_0:
        head += b"\r\nConnection: keep-alive"
    if endpoint:
        head += b"\r\nX-Kubesvc-Endpoint: " + endpoint.encode()
    return head + b"\r\n\r\n"


def _kept_lines(lines: list[bytes], options: frozenset[bytes]) -> list[bytes]:
    """Return the lines without those of fields that Connection names."""
    if options <= _NAMED_FOR_NOTHING:
        return lines
    named = options - _NAMED_FOR_NOTHING
    return lines[:1] + [line for line in lines[1:] if line.partition(b":")[0].lower() not in named]
