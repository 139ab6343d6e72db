"""Why a text is no base64, as Go's decoder (encoding/base64) tells it: with the position of the faulty byte."""

from __future__ import annotations

import re

_GROUPS = re.compile(rb"[\r\n]*(?:(?:[A-Za-z0-9+/][\r\n]*){4})*")
_PARTIAL = re.compile(rb"(?:[A-Za-z0-9+/][\r\n]*){0,3}")
_LINE_BREAKS = re.compile(rb"[\r\n]*")


def base64_fault(text: str) -> str:
    """Return the fault, "" for good base64; line breaks may be anywhere."""
    at = _fault_at(text.encode(errors="replace"))
    return "" if at is None else f"illegal base64 data at input byte {at}"


def _fault_at(data: bytes) -> int | None:
    """Return the position that Go gives in its CorruptInputError, None for good base64."""
    partial = _PARTIAL.match(data, _end(_GROUPS, data, 0))
    assert partial is not None  # it matches the empty text
    letters, at = len(_LINE_BREAKS.sub(b"", partial[0])), partial.end()
    if at == len(data):
        return at - letters if letters else None
    if data[at : at + 1] != b"=" or letters < 2:
        return at
    at = _end(_LINE_BREAKS, data, at + 1)
    if letters == 2:
        if at == len(data):
            return at
        if data[at : at + 1] != b"=":
            return at - 1
        at = _end(_LINE_BREAKS, data, at + 1)
    return at if at < len(data) else None


def _end(pattern: re.Pattern[bytes], data: bytes, start: int) -> int:
    found = pattern.match(data, start)
    return found.end() if found else start
