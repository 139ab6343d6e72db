"""Heads of requests and answers: read once, by llhttp and by the strict grammar, into what framing and forwarding need.

The only file that knows httptools. Heads only: httptools does not say where in its input a message has ended, which a
proxy of pipelined requests must know, so ``bodies`` counts bodies. Follows RFC 9112 2 to 6 and RFC 9110 7.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade
from httptools import HttpRequestParser as RequestParser
from httptools import HttpResponseParser as AnswerParser

from kubeproxy.http import grammar

CHUNKED = -1
"""In place of a length: the body is chunked."""

UNTIL_END = -2
"""In place of a length: the body ends with the connection."""


REMEMBERED_HEADS, REMEMBERED_BYTES = 512, 2048
"""Short heads are read once: clients and servers say the same ones again and again. At most 1 MB for each kind."""


class Refused(Exception):
    """A request that is not forwarded: ``status`` and ``reason`` are its answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class BadAnswer(Exception):
    """An endpoint's answer that is not passed on; says why."""


class Special(NamedTuple):
    """A header field that framing or forwarding must know; ``line`` is its line in the head, ``name`` in lower case."""

    line: int
    name: bytes
    value: bytes


SPECIAL = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization proxy te transfer-encoding upgrade "
    b"http2-settings content-length host expect x-forwarded-for x-forwarded-proto x-forwarded-host".split()
)


class Request:
    """A request's head. ``length`` is its body's in bytes, or CHUNKED; ``lines`` are all its header lines as they came.

    ``options`` are what Connection names, in lower case. ``upgrade`` is the protocol it asks for, b"" for none.
    """

    __slots__ = (
        "host",
        "is_kept_alive",
        "length",
        "lines",
        "method",
        "minor",
        "options",
        "special",
        "target",
        "upgrade",
    )

    def __init__(self, method: bytes, target: bytes, minor: int, lines: list[bytes], special: list[Special]) -> None:
        self.method = method
        self.target = target
        self.minor = minor
        self.lines = lines
        self.special = special
        self.host: bytes | None = None
        self.length = 0
        self.is_kept_alive = minor == 1
        self.options: tuple[bytes, ...] = ()
        self.upgrade = b""


class Answer:
    """An answer's head. ``length`` is its body's in bytes, CHUNKED or UNTIL_END."""

    __slots__ = ("is_kept_alive", "length", "lines", "minor", "options", "special", "status", "upgrade")

    def __init__(self, status: int, minor: int, lines: list[bytes], special: list[Special]) -> None:
        self.status = status
        self.minor = minor
        self.lines = lines
        self.special = special
        self.length = UNTIL_END
        self.is_kept_alive = minor == 1
        self.options: tuple[bytes, ...] = ()
        self.upgrade = b""


class _Fields:
    """What llhttp calls back: notes the special fields only."""

    __slots__ = ("count", "special")

    def __init__(self) -> None:
        self.count = 0
        self.special: list[Special] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.count += 1
        name = name.lower()
        if name in SPECIAL:
            self.special.append(Special(self.count, name, value.strip(b" \t")))


def read_request(head: bytes, most_fields: int) -> Request:
    """Return what ``head``, with its empty line, says; raise Refused. Nobody changes what is returned: it is shared."""
    return (_remembered_request if len(head) <= REMEMBERED_BYTES else _read_request)(head, most_fields)


def read_answer(head: bytes, method: bytes, most_fields: int) -> Answer:
    """Return what an endpoint's ``head``, with its empty line, says to a request by ``method``; raise BadAnswer.

    Nobody changes what is returned: it is shared.
    """
    return (_remembered_answer if len(head) <= REMEMBERED_BYTES else _read_answer)(head, method, most_fields)


def _read_request(head: bytes, most_fields: int) -> Request:
    match = grammar.REQUEST.fullmatch(head)
    if match is None:
        raise Refused(*grammar.explain(head))
    fields = _Fields()
    try:
        RequestParser(fields).feed_data(head)
    except HttpParserUpgrade:
        pass  # the body is not llhttp's to read
    except HttpParserInvalidMethodError:
        raise Refused(501, "unknown method") from None
    except HttpParserError as error:
        _read_request_fields(Request(match[1], match[2], int(match[3]), [], fields.special))
        raise Refused(400, f"malformed head: {error}") from None
    if fields.count > most_fields:
        raise Refused(431, f"more than {most_fields} header fields")
    request = Request(match[1], match[2], int(match[3]), head[:-4].split(b"\r\n"), fields.special)
    if fields.special:
        _read_request_fields(request)
    _check_target(request)
    return request


def _read_answer(head: bytes, method: bytes, most_fields: int) -> Answer:
    match = grammar.ANSWER.fullmatch(head)
    if match is None:
        raise BadAnswer(grammar.explain(head, is_request=False)[1])
    fields = _Fields()
    try:
        AnswerParser(fields).feed_data(head)
    except HttpParserUpgrade:
        pass
    except HttpParserError as error:
        raise BadAnswer(f"malformed head: {error}") from None
    if fields.count > most_fields:
        raise BadAnswer(f"more than {most_fields} header fields")
    answer = Answer(int(match[2]), int(match[1]), head[:-4].split(b"\r\n"), fields.special)
    try:
        _read_fields(answer)
    except Refused as refused:
        raise BadAnswer(refused.reason) from None
    if method == b"HEAD" or answer.status < 200 or answer.status in (204, 304):
        answer.length = 0
    return answer


_remembered_request = lru_cache(REMEMBERED_HEADS)(_read_request)
_remembered_answer = lru_cache(REMEMBERED_HEADS)(_read_answer)


def _read_request_fields(request: Request) -> None:
    _read_fields(request)
    if b"upgrade" not in request.options or request.minor == 0 or request.length:
        request.upgrade = b""
    elif request.upgrade.lower() == b"h2c":
        request.upgrade = b""  # may be ignored (RFC 9110 7.8), and requests stay balanced one by one


def _read_fields(message: Request | Answer) -> None:
    lengths, codings = list[bytes](), list[bytes]()
    for _, name, value in message.special:
        if name == b"content-length":
            lengths.append(value)
        elif name == b"transfer-encoding":
            codings.append(value)
        elif name == b"connection":
            message.options += tuple(option.strip(b" \t").lower() for option in value.split(b","))
        elif name == b"upgrade":
            message.upgrade = value
        elif name == b"host" and isinstance(message, Request):
            if message.host is not None:
                raise Refused(400, "more than one Host")
            message.host = value
    if message.options:
        message.is_kept_alive = b"close" not in message.options and (
            message.is_kept_alive or b"keep-alive" in message.options
        )
    if codings or lengths:
        message.length = _length(lengths, codings, message.minor)


def _length(lengths: list[bytes], codings: list[bytes], minor: int) -> int:
    """RFC 9112 6.3, without its leniency."""
    if codings:
        _check_codings(codings, minor, has_length=bool(lengths))
        return CHUNKED
    if len(lengths) > 1:
        raise Refused(400, "more than one Content-Length")
    if not grammar.CONTENT_LENGTH.fullmatch(lengths[0]):
        raise Refused(400, "invalid Content-Length")
    return int(lengths[0])


def _check_codings(codings: list[bytes], minor: int, *, has_length: bool) -> None:
    """RFC 9112 6.1 and 6.3."""
    if has_length:
        raise Refused(400, "both Transfer-Encoding and Content-Length")
    if minor == 0:
        raise Refused(400, "Transfer-Encoding in HTTP/1.0")
    *others, last = [coding.strip(b" \t").lower() for coding in b",".join(codings).split(b",")]
    if last != b"chunked" or b"chunked" in others:
        raise Refused(400, "Transfer-Encoding whose last, and only whose last, coding is not chunked")
    if others:
        raise Refused(501, "unknown transfer coding")


def _check_target(request: Request) -> None:
    """RFC 9112 3.2: the form of the target, and the one Host that belongs to it."""
    if request.host is None and request.minor == 1:
        raise Refused(400, "no Host")
    if request.host is not None and not grammar.HOST.fullmatch(request.host):
        raise Refused(400, "invalid Host")
    if request.method == b"CONNECT":
        raise Refused(405, "CONNECT is for proxies that clients choose")
    target = request.target
    if target.startswith(b"/") or (target == b"*" and request.method == b"OPTIONS"):
        return
    absolute = grammar.ABSOLUTE_FORM.fullmatch(target)
    if absolute is None or not grammar.HOST.fullmatch(absolute[1]):
        raise Refused(400, "invalid request target")
    request.host, rest = absolute.group(1, 2)
    request.target = rest if rest.startswith(b"/") else b"/" + rest
    if not rest and request.method == b"OPTIONS":
        request.target = b"*"
