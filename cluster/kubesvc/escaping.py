"""Escapes control characters in text from objects, files and clients, for terminals and logs.

They are those of ISO 6429 (C0, DEL and C1), and lone surrogates, which no encoding can write.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_HINT = "\n    "
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


@cache
def _acting() -> re.Pattern[str]:
    # Compiled on first use: at import it would be a tenth of the time of kubesvc's own imports for `--help`.
    return re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@cache
def _acting_in_lines() -> re.Pattern[str]:
    return re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def escaped(text: str) -> str:
    """Return the text as one line, with control characters and line breaks escaped."""
    return _acting().sub(_show, text)


def escaped_entry(text: str) -> str:
    """Return the text as one line with its indented hint lines below it."""
    return _HINT.join(map(escaped, text.split(_HINT)))


def escaped_lines(text: str) -> str:
    """Return the text with all control characters but line breaks escaped."""
    return _acting_in_lines().sub(_show, text)


def escaped_values(document: Any) -> Any:
    """Return a JSON document with every string, field names included, ``escaped``."""
    match document:
        case str():
            return escaped(document)
        case dict():
            return {escaped_values(name): escaped_values(value) for name, value in document.items()}
        case list():
            return [escaped_values(each) for each in document]
    return document


def _show(found: re.Match[str]) -> str:
    character = found.group()
    number = ord(character)
    return _SHORT.get(character) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")
