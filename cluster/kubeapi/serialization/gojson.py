"""Read and write JSON as Go's encoding/json does, with its error messages and a bound on nesting. Pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 200
"""Levels of nesting: no real object has forty, and recursive functions must not run out of stack."""

_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_GO_MESSAGES = {
    "Expecting value": "looking for beginning of value",
    "Expecting ',' delimiter": "after object key:value pair",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
}
_ESCAPED = tuple((letter, f"\\u{ord(letter):04x}") for letter in "<>&\u2028\u2029")


class RepeatedKeys(dict[Any, Any]):
    """A JSON object that states some keys more than once; the last value of each counts.

    ``names`` has all keys as they are written, ``message`` is that of a reader of another notation, such as YAML, for
    all repeated keys.
    """

    names: tuple[str, ...] = ()
    message: str = ""


def json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object from its members, an ``object_pairs_hook`` that records repeated keys."""
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    repeated = RepeatedKeys(result)
    repeated.names = tuple(name for name, _ in pairs)
    return repeated


def read_json(body: bytes) -> Any:
    """Return the value of JSON text, with repeated keys recorded (``RepeatedKeys``); ValueError with Go's message."""
    check_depth(body)
    try:
        value = _decode(body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        raise ValueError(_go_message(error)) from None
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    return _without_surrogates(value) if _SURROGATE.search(body) else value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


def _finite(text: str) -> float:
    """Return a number; ValueError for one that JSON cannot write again, such as 1e999."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return number


_decode = json.JSONDecoder(object_pairs_hook=json_object, parse_constant=_refuse_constant, parse_float=_finite).decode


def check_depth(body: bytes) -> None:
    """Raise ValueError for JSON that is nested too deep."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _BRACKET.finditer(body):
        token = found[0]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        if depth > MAX_DEPTH:
            raise ValueError("exceeded max depth")


def _without_surrogates(value: Any) -> Any:
    """Return JSON with unpaired surrogates replaced by U+FFFD, as Go does, so that it can be written as UTF-8."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    return json.loads(text.decode("utf-16-le", "replace"))


def _go_message(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    where = _GO_MESSAGES.get(error.msg, "looking for beginning of object key string")
    return f"invalid character '{error.doc[error.pos]}' {where}"


_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
_of_maps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False, sort_keys=True).encode


def write_json(value: object, indent: int | None = None) -> str:
    """Return JSON as Go writes it: some letters escaped, for HTML and JavaScript, and all others as they are."""
    return _escaped(_compact(value) if indent is None else json.dumps(value, indent=indent, ensure_ascii=False))


def write_sorted_json(value: object) -> str:
    """Return JSON as Go writes it of maps, whose keys are in order."""
    return _escaped(_of_maps(value))


def _escaped(text: str) -> str:
    for letter, escaped in _ESCAPED:
        text = text.replace(letter, escaped)
    return text


def go_kind(value: object) -> str:
    """Return what encoding/json calls a value; ``number`` and its text where an integer was wanted."""
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case dict():
            return "object"
        case list() | tuple():
            return "array"
    return "string" if value is not None else "null"
