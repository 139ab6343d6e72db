"""Optional values (cel-go ``cel/library.go`` OptionalTypes). ``or`` and ``orValue`` are the evaluator's. Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.cel.declarations import Function, define
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.values import NOTHING, Optional, is_zero


def some(value: Any) -> Optional:
    """Return an optional value that has one."""
    return Optional(value, has_value=True)


def _value(optional: Optional) -> Any:
    if not optional.has_value:
        raise EvaluationError("optional.none() dereference")
    return optional.value


def _unwrapped(items: list[Any]) -> list[Any]:
    return [each.value for each in items if each.has_value]


OPTIONALS: tuple[Function, ...] = (
    define("optional.of", "(V) optional(V)", some),
    define("optional.ofNonZeroValue", "(V) optional(V)", lambda value: NOTHING if is_zero(value) else some(value)),
    define("optional.none", "() optional(V)", lambda: NOTHING),
    define("value", "optional(V).() V", _value),
    define("hasValue", "optional(V).() bool", lambda optional: optional.has_value),
    define("or", "optional(V).(optional(V)) optional(V)", lambda one, other: one if one.has_value else other),
    define("orValue", "optional(V).(V) V", lambda one, other: one.value if one.has_value else other),
    define("first", "list(V).() optional(V)", lambda items: some(items[0]) if items else NOTHING),
    define("last", "list(V).() optional(V)", lambda items: some(items[-1]) if items else NOTHING),
    define("optional.unwrap", "(list(optional(V))) list(V)", _unwrapped),
    define("unwrapOpt", "list(optional(V)).() list(V)", _unwrapped),
)
