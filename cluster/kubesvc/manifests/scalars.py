"""What a plain YAML scalar means to Kubernetes.

Follows go-yaml v2's ``resolve.go``, which sigs.k8s.io/yaml uses, and not PyYAML's rules: ``y`` is a boolean and ``1e3``
a number, while a time or ``12:30:45`` is text. Numbers become what Go's JSON would make of them.
"""

from __future__ import annotations

import base64
import binascii
import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **{form: True for word in ("y", "yes", "true", "on") for form in (word, word.capitalize(), word.upper())},
    **{form: False for word in ("n", "no", "false", "off") for form in (word, word.capitalize(), word.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_OCTAL = re.compile(r"([-+]?)0[oO]?([0-7]+)")
_HEXADECIMAL = re.compile(r"([-+]?)0[xX]([0-9a-fA-F]+)")
_BINARY = re.compile(r"([-+]?)0[bB]([01]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_EXACT_BELOW = 1e21
"""Go's JSON writes whole floats below this without an exponent, so that they read as integers."""

_PREFIX = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", f"{_PREFIX}str", f"{_PREFIX}timestamp"})


class UnusableScalar(ValueError):
    """A scalar that has no meaning in JSON; the message says why."""


def read_scalar(text: str, *, is_plain: bool, tag: str | None) -> Scalar:
    """Return the value of a scalar, given whether it was written without quotes, and its explicit tag."""
    if tag is None:
        return read_plain(text) if is_plain else text
    if tag in _TEXT_TAGS:
        return text
    if tag == f"{_PREFIX}binary":
        return _decode_binary(text)
    return _read_tagged(text, tag)


def read_plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _NOT_FINITE.fullmatch(text):
        raise UnusableScalar(f"{text} is not a number in JSON")
    number = _read_number(text.replace("_", ""))
    return text if number is None else number


def _read_number(digits: str) -> int | float | None:
    if _DECIMAL.fullmatch(digits):
        return int(digits) if len(digits) <= 20 else float(digits)
    for pattern, base in ((_OCTAL, 8), (_HEXADECIMAL, 16), (_BINARY, 2)):
        if (found := pattern.fullmatch(digits)) is not None:
            return int(found[1] + found[2], base)
    if not _FLOAT.fullmatch(digits):
        return None
    number = float(digits)
    if not math.isfinite(number):
        raise UnusableScalar(f"{digits} is too large for a number")
    return int(number) if number.is_integer() and abs(number) < _EXACT_BELOW else number


def _read_tagged(text: str, tag: str) -> Scalar:
    kinds: dict[str, tuple[type, ...]] = {
        f"{_PREFIX}int": (int,),
        f"{_PREFIX}float": (int, float),
        f"{_PREFIX}bool": (bool,),
        f"{_PREFIX}null": (type(None),),
    }
    short = tag.replace(_PREFIX, "!!")
    if tag not in kinds:
        raise UnusableScalar(f"the tag {short} has no meaning in a manifest")
    value = read_plain(text)
    if not isinstance(value, kinds[tag]) or (isinstance(value, bool) and bool not in kinds[tag]):
        raise UnusableScalar(f'"{text}" is no {short}')
    return value


def _decode_binary(text: str) -> str:
    try:
        return base64.b64decode(text, validate=False).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise UnusableScalar("the value of a !!binary must be base64 of UTF-8 text") from None
