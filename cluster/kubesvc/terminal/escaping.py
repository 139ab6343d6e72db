"""Text of others for a terminal or a log: what would act there, or begin a line, is shown instead.

Control characters are those of ISO 6429 (C0, DEL and C1); lone surrogates cannot be written in any encoding.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_HINT = "\n    "
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


@cache
def _acting() -> re.Pattern[str]:
    # Made when it is needed first: it would be a tenth of the time that `kubesvc --help` spends on imports of ours.
    return re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@cache
def _acting_in_lines() -> re.Pattern[str]:
    return re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def escaped(text: str) -> str:
    """Return the text as one line that does nothing but stand there."""
    return _acting().sub(_show, text)


def escaped_entry(text: str) -> str:
    """Return the text as one line and the hints below it; those are indented, so none passes for a line of its own."""
    return _HINT.join(map(escaped, text.split(_HINT)))


def escaped_lines(text: str) -> str:
    """Return a text of several lines with everything escaped but the ends of lines."""
    return _acting_in_lines().sub(_show, text)


def escaped_values(document: Any) -> Any:
    """Return a JSON document with every text in it, names of fields included, ``escaped``."""
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
