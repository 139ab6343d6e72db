"""The strict grammar of heads and chunk lines (RFC 9112 2 to 7), and why something is not of it.

A line ends with CRLF and with nothing else, so none of the characters of a line may be CR or LF. Where the RFC lets a
recipient be lenient (bare LF, obs-fold, white space before a colon), requests are refused: requests are smuggled where
a proxy and a server are lenient in different ways. Some mistakes in answers are corrected before they are read.
"""

from __future__ import annotations

import re

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_VALUE = rb"[\t -~\x80-\xff]*+"

REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~]++) HTTP/1\.([01])\r\n")
"""Method, target, minor version."""

STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9][0-9])(?: " + _VALUE + rb")?\r\n")
"""Minor version, status. A higher minor version is read as the highest that is known (RFC 9110 2.5)."""

CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[\t ]*;" + _VALUE + rb")?")
"""The line before a chunk. Fifteen digits are below 2**63, where no endpoint's arithmetic overflows."""

FIELD = re.compile(rb"(" + _TOKEN + rb"):(" + _VALUE + rb")")
"""One header or trailer field: name, value with white space."""

HOST = re.compile(rb"(?:[0-9A-Za-z._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
"""uri-host [ ":" port ] (RFC 9110 7.2); without the comma, in which lists of hosts could hide."""

ABSOLUTE_FORM = re.compile(rb"http://([^/?#]+)((?:[/?].*)?)", re.IGNORECASE)
LONE_LF = re.compile(rb"(?<!\r)\n")
_LONE_CR = re.compile(rb"\r(?!\n)")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_NAME = re.compile(_TOKEN)


def explain(head: bytes, *, is_request: bool = True) -> tuple[int, str]:
    """Return the status and the reason for which a ``head`` that does not match is refused."""
    if b"\0" in head:
        return 400, "NUL in the head"
    if LONE_LF.search(head):
        return 400, "bare LF in the head"
    if _LONE_CR.search(head):
        return 400, "bare CR in the head"
    first, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    if is_request:
        refused = _explain_request_line(first)
        if refused:
            return refused
    for line in fields:
        reason = _explain_field(line)
        if reason:
            return 400, reason
    return 400, "malformed request line" if is_request else "malformed status line"


def _explain_request_line(line: bytes) -> tuple[int, str] | None:
    parts = line.split(b" ")
    if len(parts) != 3:
        return 400, "malformed request line"
    method, _, version = parts
    if not _NAME.fullmatch(method):
        return 400, "invalid method"
    if not _VERSION.fullmatch(version):
        return 400, "invalid HTTP version"
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return 505, "HTTP/1.1 and HTTP/1.0 are supported"
    return None


def _explain_field(line: bytes) -> str:
    if line[:1] in (b" ", b"\t"):
        return "folded header line"
    name, colon, _ = line.partition(b":")
    if not colon:
        return "header line without a colon"
    if name != name.rstrip(b" \t"):
        return "white space before the colon of a header"
    if not _NAME.fullmatch(name):
        return "invalid header name"
    return "" if FIELD.fullmatch(line) else "control character in a header"
