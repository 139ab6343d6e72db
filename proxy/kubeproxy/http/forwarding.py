"""How heads are passed on: hop-by-hop fields end here, and the client is named to the pod (RFC 9110 7.6). Pure.

``X-Forwarded-For`` is appended to; ``-Proto`` and ``-Host`` are kept where an Ingress in front has set them.
"""

from __future__ import annotations

from functools import lru_cache

from kubeproxy.http.heads import CHUNKED, REMEMBERED_HEADS, Answer, Request, Special

_END_TO_END = frozenset((b"content-length", b"host", b"expect", b"x-forwarded-proto", b"x-forwarded-host"))
_PLAIN_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b"te", b""))
_CANNOT_BE_NAMED = frozenset((b"x-forwarded-for", b"content-type", b"content-encoding", *_END_TO_END))
"""Not taken away because Connection names them: what frames, routes, or tells the pod who its client is."""


@lru_cache(REMEMBERED_HEADS)
def forward_request(request: Request, client: str, host: bytes) -> bytes:
    """Return the head for the endpoint. ``host`` is said when the request (of HTTP/1.0) names none."""
    lines = _kept_lines(request.lines, request.special, request.options)
    lines[0] = b"%b %b HTTP/1.1" % (request.method, request.target)
    present = {special.name for special in request.special} if request.special else set[bytes]()
    host = request.host if request.host is not None else host
    lines[1:1] = (b"Host: " + host,)
    if b"x-forwarded-for" in present:
        before = [each.value for each in request.special if each.name == b"x-forwarded-for"]
        lines.append(b"X-Forwarded-For: %b, %b" % (b", ".join(before), client.encode()))
    else:
        lines.append(b"X-Forwarded-For: " + client.encode())
    if b"x-forwarded-proto" not in present:
        lines.append(b"X-Forwarded-Proto: http")
    if b"x-forwarded-host" not in present:
        lines.append(b"X-Forwarded-Host: " + host)
    if request.length == CHUNKED:
        lines.append(b"Transfer-Encoding: chunked")
    if request.upgrade:
        lines.append(b"Connection: Upgrade\r\nUpgrade: " + request.upgrade)
    elif _takes_trailers(request):
        lines.append(b"Connection: TE\r\nTE: trailers")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def forward_answer(
    answer: Answer, *, is_last: bool, is_for_http_1_0: bool, endpoint: str = "", strips_chunks: bool = False
) -> bytes:
    """Return the head for the client. ``endpoint`` is named when given; ``is_last``: the connection ends after it."""
    lines = _kept_lines(answer.lines, answer.special, answer.options)
    if answer.minor == 0:
        lines[0] = b"HTTP/1.1" + lines[0][8:]
    if answer.length == CHUNKED and not strips_chunks:
        lines.append(b"Transfer-Encoding: chunked")
    if answer.upgrade and answer.status in (101, 426):
        lines.append(b"Upgrade: " + answer.upgrade)
        lines.append(b"Connection: Upgrade, close" if is_last and answer.status == 426 else b"Connection: Upgrade")
    elif is_last:
        lines.append(b"Connection: close")
    elif is_for_http_1_0:
        lines.append(b"Connection: keep-alive")
    if endpoint:
        lines.append(b"X-Kubesvc-Endpoint: " + endpoint.encode())
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def _kept_lines(lines: list[bytes], special: list[Special], options: tuple[bytes, ...]) -> list[bytes]:
    """Return the lines that are end-to-end; a request's Host is said anew by the caller."""
    kept = lines.copy()
    for line, name, _ in reversed(special):
        if name == b"host" or name not in _END_TO_END:
            del kept[line]
    named = set(options) - _PLAIN_OPTIONS - _CANNOT_BE_NAMED if options else None
    if named:
        kept[1:] = [line for line in kept[1:] if line.partition(b":")[0].lower() not in named]
    return kept


def _takes_trailers(request: Request) -> bool:
    return any(each.name == b"te" and b"trailers" in each.value.lower() for each in request.special)
