"""What heads of requests and of answers have in common: the lines of their fields, lengths, codings and options.

Follows RFC 9112 2 to 6 and RFC 9110 7. Clients and servers send the same lines again and again in heads that differ, so
lines are remembered: a line that was read before costs a look into a dictionary, and only new ones are validated and
taken apart.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import filterfalse
from typing import NamedTuple

from kubeproxy.http import grammar

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

NO_OPTIONS = frozenset[bytes]()


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


_plain: set[bytes] = set()
_special: dict[bytes, Special] = {}
"""Lines that are of the grammar, those of special fields with what they say."""
_is_plain = _plain.__contains__


def take_out(special: dict[bytes, bytes], lines: list[bytes], fields: bytes) -> bytes:
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


@lru_cache(32)
def connection_options(value: bytes) -> frozenset[bytes]:
    """Return the options that Connection names, in lower case; few values occur, so they are cached."""
    return frozenset(option.strip(b"\t ") for option in value.lower().split(b","))


def content_length(value: bytes) -> int:
    """RFC 9112 6.3, without its leniency for a list of equal lengths; 18 digits are below 2**63."""
    if not value.isdigit() or len(value) > 18:
        raise Refused(400, "more than one Content-Length" if b"," in value else "invalid Content-Length")
    return int(value)


def only_length(values: bytes) -> int:
    """Return what every item of a list of lengths says, with the leniency of RFC 9112 6.3 that requests do not get."""
    lengths = {content_length(each.strip(b"\t ")) for each in values.split(b",")}
    if len(lengths) > 1:
        raise Refused(400, "more than one Content-Length")
    return lengths.pop()


def check_codings(value: bytes) -> None:
    """RFC 9112 6.1 and 6.3."""
    codings = value.lower().split(b",")
    *others, last = [coding.strip(b"\t ") for coding in codings]
    if last != b"chunked" or b"chunked" in others:
        raise Refused(400, "Transfer-Encoding whose last, and only whose last, coding is not chunked")
    if others:
        raise Refused(501, "unknown transfer coding")
