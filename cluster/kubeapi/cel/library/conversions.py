"""Conversions, and what the types are (cel-go ``common/stdlib``). Pure."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from kubeapi.cel.declarations import Function, define
from kubeapi.cel.evaluation.arithmetic import checked, moment
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.library.moments import duration_text, read_duration, read_timestamp, timestamp_text
from kubeapi.cel.values import MAX_INT, MAX_UINT, MIN_INT, Duration, Timestamp, TypeValue, Uint, type_of_value

_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in _TRUE or value in _FALSE:
        return value in _TRUE
    raise EvaluationError(f'strconv.ParseBool: parsing "{value}": invalid syntax')


def _whole(value: Any, least: int, most: int, parser: str) -> int:
    if isinstance(value, str):
        digits = value[1:] if least < 0 and value.startswith(("+", "-")) else value
        if not (digits.isascii() and digits.isdigit()):
            raise EvaluationError(f'strconv.{parser}: parsing "{value}": invalid syntax')
        if not least <= int(value) <= most:
            raise EvaluationError(f'strconv.{parser}: parsing "{value}": value out of range')
        return int(value)
    if isinstance(value, Timestamp):
        return value.nanos // 10**9
    if isinstance(value, Duration):
        return value.nanos
    if isinstance(value, float) and (not math.isfinite(value) or (value < 0 and not least)):
        raise EvaluationError("integer overflow" if least < 0 else "unsigned integer overflow")
    return int(value)


def _int(value: Any) -> int:
    return checked(_whole(value, MIN_INT, MAX_INT, "ParseInt"))


def _uint(value: Any) -> int:
    return checked(_whole(value, 0, MAX_UINT, "ParseUint"), Uint())


def _double(value: Any) -> float:
    try:
        number = float(value)
    except ValueError:
        number = None
    if number is None or (isinstance(value, str) and value != value.strip()):
        raise EvaluationError(f'strconv.ParseFloat: parsing "{value}": invalid syntax')
    if isinstance(value, str) and math.isinf(number) and "inf" not in value.lower():
        raise EvaluationError(f'strconv.ParseFloat: parsing "{value}": value out of range')
    return number


def double_text(value: float) -> str:
    """Return a number as Go's strconv writes it ('g', shortest)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    digits, exponent = Decimal(repr(value)).normalize().as_tuple()[1:]
    assert isinstance(exponent, int)
    power = len(digits) - 1 + exponent
    if not value or -4 <= power < 6:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    rest = "".join(map(str, digits[1:]))
    sign, mantissa = "-" if value < 0 else "", f"{digits[0]}{'.' if rest else ''}{rest}"
    return f"{sign}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def text_of_value(value: Any) -> str:
    """Return the string that ``string(value)`` is."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return double_text(value)
        case Timestamp():
            return timestamp_text(value)
        case Duration():
            return duration_text(value)
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None
    return str(value)


def _read_timestamp(value: Any) -> Timestamp:
    if isinstance(value, Timestamp):
        return value
    return read_timestamp(value) if isinstance(value, str) else moment(value * 10**9)


CONVERSIONS: tuple[Function, ...] = (
    define("type", "(A) type(A)", lambda value: TypeValue(type_of_value(value).name)),
    define("dyn", "(A) dyn", lambda value: value),
    define("bool", "(bool) bool | (string) bool", _bool),
    define("bytes", "(bytes) bytes | (string) bytes", lambda each: each if isinstance(each, bytes) else each.encode()),
    define("double", "(double) double | (int) double | (string) double | (uint) double", _double),
    define(
        "duration",
        "(duration) duration | (string) duration",
        lambda value: value if isinstance(value, Duration) else read_duration(value),
    ),
    define("timestamp", "(timestamp) timestamp | (int) timestamp | (string) timestamp", _read_timestamp),
    define("int", "(int) int | (double) int | (duration) int | (string) int | (timestamp) int | (uint) int", _int),
    define("uint", "(uint) uint | (double) uint | (int) uint | (string) uint", _uint),
    define(
        "string",
        "(string) string | (bool) string | (bytes) string | (double) string | (duration) string | (int) string"
        " | (timestamp) string | (uint) string",
        text_of_value,
    ),
)
