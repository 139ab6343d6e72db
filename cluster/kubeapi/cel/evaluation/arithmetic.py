"""The operators (cel-go ``common/types``): numbers overflow with an error, and nothing is converted. Pure."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from kubeapi.cel.declarations import Function, define
from kubeapi.cel.evaluation.access import at_key, has_key
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.values import (
    MAX_INT,
    MAX_UINT,
    MIN_INT,
    Duration,
    Optional,
    Timestamp,
    Uint,
    added,
    contains,
    equal,
)

_OLDEST, _NEWEST = -62135596800 * 10**9, 253402300800 * 10**9
_SUMS = (
    "(bytes, bytes) bytes | (double, double) double | (duration, duration) duration"
    " | (duration, timestamp) timestamp | (timestamp, duration) timestamp | (int, int) int"
    " | (list(A), list(A)) list(A) | (string, string) string | (uint, uint) uint"
)
_DIFFERENCES = (
    "(double, double) double | (duration, duration) duration | (int, int) int | (timestamp, duration) timestamp"
    " | (timestamp, timestamp) duration | (uint, uint) uint"
)
_PRODUCTS = "(double, double) double | (int, int) int | (uint, uint) uint"
_ORDERS = " | ".join(
    f"({one}, {other}) bool"
    for one, other in (
        *(("bool", "bool"), ("int", "int"), ("int", "double"), ("int", "uint"), ("uint", "uint"), ("uint", "double")),
        *(("uint", "int"), ("double", "double"), ("double", "int"), ("double", "uint"), ("string", "string")),
        *(("bytes", "bytes"), ("timestamp", "timestamp"), ("duration", "duration")),
    )
)


def checked(value: int, like: object = 0) -> int:
    """Return a number of the type of ``like``; EvaluationError if it does not fit."""
    if isinstance(like, Uint):
        if not 0 <= value <= MAX_UINT:
            raise EvaluationError("unsigned integer overflow")
        return Uint(value)
    if not MIN_INT <= value <= MAX_INT:
        raise EvaluationError("integer overflow")
    return value


def moment(nanos: int, offset: int = 0) -> Timestamp:
    """Return a timestamp; EvaluationError for one outside the years 1 to 9999."""
    if not _OLDEST <= nanos < _NEWEST:
        raise EvaluationError("timestamp overflow")
    return Timestamp(nanos, offset)


def span(nanos: int) -> Duration:
    """Return a duration; EvaluationError for one of more than 290 years."""
    if not MIN_INT <= nanos <= MAX_INT:
        raise EvaluationError("duration overflow")
    return Duration(nanos)


def add(one: Any, other: Any) -> Any:
    """Return ``one + other``."""
    if isinstance(one, list):
        return added(one, other)
    if isinstance(one, Timestamp | Duration):
        total = one.nanos + other.nanos
        if type(one) is type(other):
            return span(total)
        return moment(total, one.offset if isinstance(one, Timestamp) else other.offset)
    total = one + other
    return checked(total, one) if isinstance(one, int) else total


def _subtract(one: Any, other: Any) -> Any:
    if isinstance(one, Timestamp | Duration):
        difference = one.nanos - other.nanos
        if isinstance(one, Timestamp) and isinstance(other, Duration):
            return moment(difference, one.offset)
        return span(difference)
    return checked(int(one) - int(other), one) if isinstance(one, int) else one - other


def _multiply(one: Any, other: Any) -> Any:
    return checked(int(one) * int(other), one) if isinstance(one, int) else one * other


def _divide(one: Any, other: Any) -> Any:
    if isinstance(one, float):
        if other:
            return one / other
        return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1, other)
    if other == 0:
        raise EvaluationError("division by zero")
    quotient = abs(int(one)) // abs(int(other))
    return checked(quotient if (one < 0) == (other < 0) else -quotient, one)


def _remainder(one: Any, other: Any) -> Any:
    if other == 0:
        raise EvaluationError("modulus by zero")
    rest = abs(int(one)) % abs(int(other))
    return checked(-rest if one < 0 else rest, one)


def _index(of: Any, key: Any) -> Any:
    if not isinstance(of, Optional):
        return at_key(of, key)
    return _optional_index(of.value, key) if of.has_value else of


def _optional_index(of: Any, key: Any) -> Any:
    if isinstance(of, Optional):
        if not of.has_value:
            return of
        of = of.value
    return Optional(at_key(of, key), has_value=True) if has_key(of, key) else Optional()


def _is_in(value: Any, of: Any) -> bool:
    if isinstance(of, list):
        return contains(of, value)
    return value in of if isinstance(value, str | int | float) else False


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda one, other: bool(compare(one, other))


def _selected(of: Any, name: str) -> Any:
    """Return ``of.?name``; a path through an optional value without a value has none."""
    return _optional_index(of, name)


OPERATORS: tuple[Function, ...] = (
    define("_?_:_", "(bool, A, A) A", lambda which, one, other: one if which else other),
    define("!_", "(bool) bool", operator.not_),
    define("@not_strictly_false", "(bool) bool", lambda value: value),
    define("_==_", "(A, A) bool", equal),
    define("_!=_", "(A, A) bool", lambda one, other: not equal(one, other)),
    define("_+_", _SUMS, add),
    define("_-_", _DIFFERENCES, _subtract),
    define("_*_", _PRODUCTS, _multiply),
    define("_/_", _PRODUCTS, _divide),
    define("_%_", "(int, int) int | (uint, uint) uint", _remainder),
    define("-_", "(double) double | (int) int", lambda value: _multiply(value, -1)),
    define("_<_", _ORDERS, _ordering(operator.lt)),
    define("_<=_", _ORDERS, _ordering(operator.le)),
    define("_>_", _ORDERS, _ordering(operator.gt)),
    define("_>=_", _ORDERS, _ordering(operator.ge)),
    define("@in", "(A, list(A)) bool | (A, map(A, B)) bool", _is_in),
    define(
        "_[_]",
        "(list(A), int) A | (map(A, B), A) B | (optional(list(V)), int) optional(V)"
        " | (optional(map(K, V)), K) optional(V)",
        _index,
    ),
    define(
        "_[?_]",
        "(list(V), int) optional(V) | (optional(list(V)), int) optional(V) | (map(K, V), K) optional(V)"
        " | (optional(map(K, V)), K) optional(V)",
        _optional_index,
    ),
    define("_?._", "(dyn, string) optional(V)", _selected),
)
