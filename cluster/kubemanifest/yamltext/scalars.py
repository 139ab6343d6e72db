"""The value of a plain YAML scalar, as Kubernetes reads it.

Follows go-yaml v2's ``resolve.go``, which sigs.k8s.io/yaml uses, and not PyYAML's rules: ``y`` is a boolean and ``1e3``
a number, while a time or ``12:30:45`` is text. Numbers become what Go's JSON would make of them.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct

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
_LOOSE_UNDERSCORE = re.compile(r"(?<![0-9])_|_(?![0-9])")
_EXACT_BELOW = 1e21
"""Go's JSON writes whole floats below this without an exponent, so that they read as integers."""

_PREFIX = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", f"{_PREFIX}str", f"{_PREFIX}timestamp"})
_TYPES: dict[str, tuple[type, ...]] = {
    f"{_PREFIX}int": (int,),
    f"{_PREFIX}float": (int, float),
    f"{_PREFIX}bool": (bool,),
    f"{_PREFIX}null": (type(None),),
}
_INT64, _UINT64 = 2**63, 2**64


class UnusableScalar(ValueError):
    """A scalar that has no meaning in JSON; the message is the reason."""


def is_ignored(tag: str | None) -> bool:
    """Tell whether a scalar's tag has no meaning to Kubernetes, which then takes the scalar for text."""
    return not (tag is None or tag in _TEXT_TAGS or tag in _TYPES or tag == f"{_PREFIX}binary")


def read_scalar(text: str, *, is_plain: bool, tag: str | None) -> Scalar:
    """Return the value of a scalar, given whether it was written without quotes, and its explicit tag."""
    if tag is None:
        return read_plain(text) if is_plain else text
    if tag == f"{_PREFIX}binary":
        return _decode_binary(text)
    return _read_tagged(text, tag) if tag in _TYPES else text


def key_of_value(value: Scalar) -> str:
    """Return the key that sigs.k8s.io/yaml makes of a value which is no text; UnusableScalar where it makes none.

    Floats are written as Go's ``FormatFloat(value, 'g', -1, 32)`` does: with the digits that a float of 32 bits has.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or (isinstance(value, int) and _INT64 <= value < _UINT64):
        kind = "empty" if value is None else f"a number above {_INT64 - 1}"
        raise UnusableScalar(f"a key must be text, but this is {kind}")
    return str(value) if isinstance(value, int) and -_INT64 <= value < _INT64 else _short_float(value)


def read_key(text: str, *, is_plain: bool, tag: str | None) -> str:
    """Return the key that a scalar is to Kubernetes; UnusableScalar."""
    if tag is None and is_plain and text not in _WORDS:
        if _NOT_FINITE.fullmatch(text):
            return text.lower().removeprefix("+")
        digits = text.replace("_", "")
        if _FLOAT.fullmatch(digits) and not _DECIMAL.fullmatch(digits) and not _OCTAL.fullmatch(digits):
            # 1e6 is the value 1000000, but the key 1e+06.
            return _short_float(float(digits))
    return key_of_value(read_scalar(text, is_plain=is_plain, tag=tag))


def _short_float(number: float) -> str:
    """Write a number with the fewest digits that are the same float of 32 bits, by the rules of Go's %g."""
    try:
        wanted = _float32(number)
    except OverflowError:
        return "-.inf" if number < 0 else ".inf"
    precision = next(digits for digits in range(9) if _float32(float(f"{wanted:.{digits}e}")) == wanted)
    shortest = f"{wanted:.{precision}e}"
    exponent = int(shortest.partition("e")[2])
    return f"{wanted:.{max(precision - exponent, 0)}f}" if -4 <= exponent < 6 else shortest


def _float32(number: float) -> float:
    (rounded,) = struct.unpack("<f", struct.pack("<f", number))
    return float(rounded)


def read_plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _NOT_FINITE.fullmatch(text):
        raise UnusableScalar(f"{text} is not a number in JSON")
    if text[0] == "." and _LOOSE_UNDERSCORE.search(text):  # elsewhere an underscore may stand anywhere
        return text
    number = _read_number(text.replace("_", ""))
    return text if number is None else number


def _read_number(digits: str) -> int | float | None:
    if _DECIMAL.fullmatch(digits):
        return int(digits) if len(digits) <= 20 else float(digits)
    for pattern, base in ((_OCTAL, 8), (_HEXADECIMAL, 16), (_BINARY, 2)):
        if (found := pattern.fullmatch(digits)) is not None and abs(number := int(found[1] + found[2], base)) < _UINT64:
            return number
    if not _FLOAT.fullmatch(digits):
        return None
    value = float(digits)
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < _EXACT_BELOW else value


def _read_tagged(text: str, tag: str) -> Scalar:
    value = read_plain(text)
    if not isinstance(value, _TYPES[tag]) or (isinstance(value, bool) and bool not in _TYPES[tag]):
        raise UnusableScalar(f'"{text}" is no {tag.replace(_PREFIX, "!!")}')
    return value


def _decode_binary(text: str) -> str:
    try:
        # What is no UTF-8 is replaced, as Go's JSON does.
        return base64.b64decode(re.sub("[\r\n]", "", text), validate=True).decode(errors="replace")
    except binascii.Error:
        raise UnusableScalar("the value of a !!binary must be base64") from None
