"""Heads of requests and answers: read once, by the strict grammar, into what framing and forwarding need.

Heads only: ``bodies`` counts bodies. Follows RFC 9112 2 to 6 and RFC 9110 7. Clients and servers say the same lines
again and again in heads that differ, so it is lines that are remembered: a line that was read before costs a look into
a dictionary, and only new ones are validated and taken apart.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import filterfalse
from typing import NamedTuple

from kubeproxy.userspace.http import grammar

CHUNKED = -1
"""In place of a length: the body is chunked."""

UNTIL_END = -2
"""In place of a length: the body ends with the connection."""

PASSED_ON = frozenset((b"host", b"content-length", b"expect", b"x-forwarded-proto", b"x-forwarded-host"))
"""Special fields that are passed on as they came."""

SPECIAL = PASSED_ON | frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization proxy te transfer-encoding upgrade "
    b"http2-settings x-forwarded-for".split()
)
"""Fields that framing or forwarding must know."""

REMEMBERED_LINES, REMEMBERED_BYTES = 4096, 256
"""How many lines are remembered at most, and of which length: about 1 MB of lines that are each the longest."""

REMEMBERED_HEAD_BYTES = 2048
"""Up to which length a connection's last head is remembered besides."""

_NO_OPTIONS = frozenset[bytes]()
_LENGTHS = re.compile(rb"\r\nContent-Length:[^\r\n]*(?=\r\n)", re.IGNORECASE)


class Refused(Exception):
    """A request that is not forwarded: ``status`` and ``reason`` are its answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class BadAnswer(Exception):
    """An endpoint's answer that is not passed on; says why."""


class Special(NamedTuple):
    """A special field; ``name`` is in lower case."""

    name: bytes
    value: bytes
    is_passed_on: bool


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
        self.options = _NO_OPTIONS
        self.upgrade = b""


class Answer:
    """An answer's head. ``length`` is its body's in bytes, CHUNKED or UNTIL_END.

    ``fields`` begin with the status line after its version; all else is as in Request. ``told`` is how it is passed on
    to a client of HTTP/1.1 that stays connected, b"" until somebody has made that.
    """

    __slots__ = ("fields", "is_kept_alive", "length", "minor", "options", "status", "told", "upgrade")

    def __init__(self, status: int, minor: int, fields: bytes) -> None:
        self.status = status
        self.minor = minor
        self.fields = fields
        self.told = b""
        self.length = UNTIL_END
        self.is_kept_alive = minor == 1
        self.options = _NO_OPTIONS
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
    fields = _take_out(special, lines, head[first - 2 : -2])
    if not fields:
        raise Refused(*grammar.explain(head))
    method, target, minor = match.groups()
    request = Request(method, target, 1 if minor == b"1" else 0, fields, special)
    if len(special) > 1 or b"host" not in special:
        _read_special(request)
    if target[:1] != b"/" or request.host is None or method == b"CONNECT" or not _is_host(request.host):
        _read_target(request)
    return request


class AnswerReader:
    """Reads the heads of one connection's answers; the last one is known if it comes again."""

    __slots__ = ("_answer", "_head", "_method")

    def __init__(self) -> None:
        self._head = b""
        self._method = b""
        self._answer: Answer | None = None

    def read(self, head: bytes, method: bytes, most_fields: int) -> Answer:
        """Do what ``read_answer`` does; nobody changes what is returned."""
        if head == self._head and method == self._method and self._answer is not None:
            return self._answer
        answer = read_answer(head, method, most_fields)
        if len(head) <= REMEMBERED_HEAD_BYTES:
            self._head, self._method, self._answer = head, method, answer
        return answer


def read_answer(head: bytes, method: bytes, most_fields: int) -> Answer:
    """Return what an endpoint's ``head``, with its empty line, says to a request by ``method``; raise BadAnswer.

    What servers get wrong and HAProxy and nginx both pass on is put right, where a client cannot be misled by it.
    """
    if not head.endswith(b"\r\n\r\n"):
        head = grammar.LONE_LF.sub(b"\r\n", head)
    first = head.find(b"\n") + 1
    status, minor = _read_status_line(head[:first])
    lines = head[first:-2].split(b"\r\n")
    if len(lines) > most_fields + 1:
        raise BadAnswer(f"more than {most_fields} header fields")
    special: dict[bytes, bytes] = {}
    fields = _take_out(special, lines, head[8:-2])
    if not status or not fields:
        if grammar.LONE_LF.search(head):
            return read_answer(grammar.LONE_LF.sub(b"\r\n", head), method, most_fields)
        raise BadAnswer(grammar.explain(head, is_request=False)[1])
    answer = Answer(status, minor, fields)
    if b"connection" in special:
        options = answer.options = _options(special[b"connection"])
        answer.is_kept_alive = b"close" not in options and (answer.is_kept_alive or b"keep-alive" in options)
    try:
        _read_framing(answer, special)
    except Refused as refused:
        raise BadAnswer(refused.reason) from None
    if b"upgrade" in special:
        answer.upgrade = special[b"upgrade"]
    if method == b"HEAD" or status < 200 or status in (204, 304):
        answer.length = 0
    return answer


def _read_framing(answer: Answer, special: dict[bytes, bytes]) -> None:
    """RFC 9112 6.1 and 6.3, with the lengths that are passed on: one, and none where none may be (RFC 9110 8.6)."""
    lengths = special.get(b"content-length", b"")
    if b"transfer-encoding" in special:
        _check_codings(special[b"transfer-encoding"])
        answer.length = CHUNKED
        if lengths or not answer.minor:
            answer.is_kept_alive = False  # such framing is faulty: nothing is read behind the body
    elif lengths:
        answer.length = _only_length(lengths)
    is_bare = answer.status < 200 or answer.status == 204
    if lengths and (is_bare or b"," in lengths or answer.length == CHUNKED):
        answer.fields = _LENGTHS.sub(b"", answer.fields)
        if not is_bare and answer.length != CHUNKED:
            answer.fields += b"Content-Length: %d\r\n" % answer.length


_plain: set[bytes] = set()
_special: dict[bytes, Special] = {}
"""Lines that are of the grammar, those of special fields with what they say."""
_is_plain = _plain.__contains__


def _take_out(special: dict[bytes, bytes], lines: list[bytes], fields: bytes) -> bytes:
    """Add to ``special`` and return ``fields`` without those that end here; b"" if a line is not of the grammar.

    ``lines`` are those of ``fields``, and an empty one, as they end with a line end.
    """
    lines.pop()
    for line in filterfalse(_is_plain, lines):
        field = _special.get(line)
        if field is None:
            match = grammar.FIELD.fullmatch(line)
            if match is None:
                return b""
            field = _remember(line, match[1].lower(), match[2])
            if field is None:
                continue
        name, value, is_passed_on = field
        special[name] = special[name] + b", " + value if name in special else value
        if not is_passed_on:
            fields = fields.replace(b"\r\n%b\r\n" % line, b"\r\n", 1)
    return fields


def _remember(line: bytes, name: bytes, value: bytes) -> Special | None:
    """Return the field if it is special, and know its line from now on."""
    special = Special(name, value.strip(b"\t "), name in PASSED_ON) if name in SPECIAL else None
    if len(line) > REMEMBERED_BYTES:
        return special
    if len(_plain) + len(_special) >= REMEMBERED_LINES:
        _plain.clear()
        _special.clear()
    if special is None:
        _plain.add(line)
    else:
        _special[line] = special
    return special


@lru_cache(64)
def _read_status_line(line: bytes) -> tuple[int, int]:
    """Return status and minor version, status 0 if the line is none."""
    match = grammar.STATUS_LINE.fullmatch(line)
    return (int(match[2]), min(int(match[1]), 1)) if match else (0, 0)


@lru_cache(1024)
def _is_host(value: bytes) -> bool:
    return grammar.HOST.fullmatch(value) is not None


def _read_special(request: Request) -> None:
    special = request.special
    if b"connection" in special:
        options = request.options = _options(special[b"connection"])
        request.is_kept_alive = b"close" not in options and (request.is_kept_alive or b"keep-alive" in options)
    if b"transfer-encoding" in special:
        if b"content-length" in special:
            raise Refused(400, "both Transfer-Encoding and Content-Length")
        if request.minor == 0:
            raise Refused(400, "Transfer-Encoding in HTTP/1.0")
        _check_codings(special[b"transfer-encoding"])
        request.length = CHUNKED
    elif b"content-length" in special:
        request.length = _length(special[b"content-length"])
    if b"upgrade" in request.options and request.minor == 1 and not request.length:
        upgrade = special.get(b"upgrade", b"")
        if upgrade.lower() != b"h2c":  # which may be ignored (RFC 9110 7.8), and requests stay balanced one by one
            request.upgrade = upgrade


@lru_cache(32)
def _options(value: bytes) -> frozenset[bytes]:
    """Return what Connection names; there are few values that are said."""
    return frozenset(option.strip(b"\t ") for option in value.lower().split(b","))


def _length(value: bytes) -> int:
    """RFC 9112 6.3, without its leniency for a list of equal lengths; 18 digits are below 2**63."""
    if not value.isdigit() or len(value) > 18:
        raise Refused(400, "more than one Content-Length" if b"," in value else "invalid Content-Length")
    return int(value)


def _only_length(values: bytes) -> int:
    """Return what every item of a list of lengths says, with the leniency of RFC 9112 6.3 that requests do not get."""
    lengths = {_length(each.strip(b"\t ")) for each in values.split(b",")}
    if len(lengths) > 1:
        raise Refused(400, "more than one Content-Length")
    return lengths.pop()


def _check_codings(value: bytes) -> None:
    """RFC 9112 6.1 and 6.3."""
    codings = value.lower().split(b",")
    *others, last = [coding.strip(b"\t ") for coding in codings]
    if last != b"chunked" or b"chunked" in others:
        raise Refused(400, "Transfer-Encoding whose last, and only whose last, coding is not chunked")
    if others:
        raise Refused(501, "unknown transfer coding")


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
