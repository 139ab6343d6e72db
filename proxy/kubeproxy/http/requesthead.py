"""Heads of requests: read once, by the strict grammar, into what framing and forwarding need."""

from __future__ import annotations

from functools import lru_cache

from kubeproxy.http import grammar
from kubeproxy.http.heads import (
    CHUNKED,
    NO_OPTIONS,
    Refused,
    check_codings,
    connection_options,
    content_length,
    take_out,
)


class Request:
    """A request's head. ``length`` is its body's in bytes, or CHUNKED.

    ``fields`` are the fields that may be passed on, with a line end before, between and after them. ``special`` has the
    values of SPECIAL by name, those of equal names joined by commas (RFC 9110 5.3). ``options`` are what Connection
    names, in lower case. ``upgrade`` is the protocol that it asks for, b"" for none.
    """

    __slots__ = (
        "fields",
        "host",
        "is_kept_alive",
        "length",
        "method",
        "minor",
        "options",
        "special",
        "target",
        "upgrade",
    )

    def __init__(self, method: bytes, target: bytes, minor: int, fields: bytes, special: dict[bytes, bytes]) -> None:
        self.method = method
        self.target = target
        self.minor = minor
        self.fields = fields
        self.special = special
        self.host = special.get(b"host")
        self.length = 0
        self.is_kept_alive = minor == 1
        self.options = NO_OPTIONS
        self.upgrade = b""


def read_request(head: bytes, most_fields: int) -> Request:
    """Return what ``head``, with its empty line, says; raise Refused."""
    match = grammar.REQUEST_LINE.match(head)
    if match is None:
        raise Refused(*grammar.explain(head))
    first = match.end()
    lines = head[first:-2].split(b"\r\n")
    if len(lines) > most_fields + 1:
        raise Refused(431, f"more than {most_fields} header fields")
    special: dict[bytes, bytes] = {}
    fields = take_out(special, lines, head[first - 2 : -2])
    if not fields:
        raise Refused(*grammar.explain(head))
    method, target, minor = match.groups()
    request = Request(method, target, 1 if minor == b"1" else 0, fields, special)
    if len(special) > 1 or b"host" not in special:
        _read_special(request)
    if target[:1] != b"/" or request.host is None or method == b"CONNECT" or not _is_host(request.host):
        _read_target(request)
    return request


@lru_cache(1024)
def _is_host(value: bytes) -> bool:
    return grammar.HOST.fullmatch(value) is not None


def _read_special(request: Request) -> None:
    special = request.special
    if b"connection" in special:
        options = request.options = connection_options(special[b"connection"])
        request.is_kept_alive = b"close" not in options and (request.is_kept_alive or b"keep-alive" in options)
    if b"transfer-encoding" in special:
        if b"content-length" in special:
            raise Refused(400, "both Transfer-Encoding and Content-Length")
        if request.minor == 0:
            raise Refused(400, "Transfer-Encoding in HTTP/1.0")
        check_codings(special[b"transfer-encoding"])
        request.length = CHUNKED
    elif b"content-length" in special:
        request.length = content_length(special[b"content-length"])
    if b"upgrade" in request.options and request.minor == 1 and not request.length:
        upgrade = special.get(b"upgrade", b"")
        if upgrade.lower() != b"h2c":  # which may be ignored (RFC 9110 7.8), and requests stay balanced one by one
            request.upgrade = upgrade


def _read_target(request: Request) -> None:
    """RFC 9112 3.2: the form of the target, and the one Host that belongs to it."""
    if request.host is None and request.minor == 1:
        raise Refused(400, "no Host")
    if request.host is not None and not _is_host(request.host):
        raise Refused(400, "more than one Host" if b"," in request.host else "invalid Host")
    if request.method == b"CONNECT":
        raise Refused(405, "CONNECT is for proxies that clients choose")
    target = request.target
    if target.startswith(b"/") or (target == b"*" and request.method == b"OPTIONS"):
        return
    absolute = grammar.ABSOLUTE_FORM.fullmatch(target)
    if absolute is None or not grammar.HOST.fullmatch(absolute[1]):
        raise Refused(400, "invalid request target")
    request.host, rest = absolute.group(1, 2)
    lines = request.fields.split(b"\r\n")
    kept = [line for line in lines if line[:5].lower() != b"host:"]
    request.fields = b"\r\n".join((b"", b"Host: " + request.host, *kept[1:]))
    request.target = rest if rest.startswith(b"/") else b"/" + rest
    if not rest and request.method == b"OPTIONS":
        request.target = b"*"
