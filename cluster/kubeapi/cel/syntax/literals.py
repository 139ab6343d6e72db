"""The values of literals (cel-go ``parser/unescape.go``). Pure."""

from __future__ import annotations

import re

_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED = re.compile(r"\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)


def text_of(literal: str) -> str:
    """Return the text that a string literal has; ValueError for an escape that is no character."""
    body, is_raw = _body(literal)
    return body if is_raw else _ESCAPED.sub(_character, body)


def bytes_of(literal: str) -> bytes:
    r"""Return what a bytes literal has: ``\xff`` is a byte there, ``\u00ff`` a character in UTF-8."""
    body, is_raw = _body(literal[1:])
    if is_raw:
        return body.encode()
    parts, last = [], 0
    for found in _ESCAPED.finditer(body):
        parts.append(body[last : found.start()].encode())
        number = found[1] or found[4]
        parts.append(bytes([int(number, 16 if found[1] else 8)]) if number else _character(found).encode())
        last = found.end()
    return b"".join((*parts, body[last:].encode()))


def _body(literal: str) -> tuple[str, bool]:
    is_raw = literal[0] in "rR"
    quoted = literal[1:] if is_raw else literal
    width = 3 if quoted[:3] in ('"""', "'''") and len(quoted) >= 6 else 1
    return quoted[width:-width], is_raw


def _character(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code or found[4]:
        number = int(code, 16) if code else int(found[4], 8)
        if 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
            raise ValueError("unable to unescape string")
        return chr(number)
    return _SIMPLE.get(found[5], found[5])
