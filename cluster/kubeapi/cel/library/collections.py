"""Functions of lists, sets and maps (cel-go ``ext/lists.go``, ``sets.go``; apiserver ``library/lists.go``). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import pairwise
from typing import Any

from kubeapi.cel.declarations import Function, define
from kubeapi.cel.evaluation.access import shown_key
from kubeapi.cel.evaluation.arithmetic import add
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.values import contains, equal, type_of_value

_COMPARABLE = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_SUMMED = ("int", "uint", "double", "duration")
_MOST = 1_000_000


def _each(signature: str, types: tuple[str, ...]) -> str:
    return " | ".join(signature.replace("X", each) for each in types)


def _sum(items: list[Any]) -> Any:
    if not items:
        return 0
    return reduce(add, items[1:], items[0])


def _extreme(items: list[Any], name: str) -> Any:
    if not items:
        raise EvaluationError(f"{name} called on empty list")
    _check_types(items)
    return max(items) if name == "max" else min(items)


def _check_types(items: list[Any]) -> None:
    if len({type_of_value(each) for each in items}) > 1:
        raise EvaluationError("no such overload")


def _is_sorted(items: list[Any]) -> bool:
    _check_types(items)
    return all(one <= other for one, other in pairwise(items))


def _index_of(items: list[Any], value: Any) -> int:
    return next((index for index, each in enumerate(items) if equal(each, value)), -1)


def _last_index_of(items: list[Any], value: Any) -> int:
    return next((index for index in reversed(range(len(items))) if equal(items[index], value)), -1)


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    what = f"cannot slice({start}, {end})"
    if start < 0 or end < 0:
        raise EvaluationError(f"{what}, negative indexes not supported")
    if start > end:
        raise EvaluationError(f"{what}, start index must be less than or equal to end index")
    if len(items) < end:
        raise EvaluationError(f"{what}, list is length {len(items)}")
    return items[start:end]


def _flatten(items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise EvaluationError("level must be non-negative")
    return list(_flat(items, depth))


def _flat(items: list[Any], depth: int) -> Iterator[Any]:
    for each in items:
        if isinstance(each, list) and depth:
            yield from _flat(each, depth - 1)
        else:
            yield each


def _sort_by(items: list[Any], keys: list[Any]) -> list[Any]:
    if len({type_of_value(each) for each in keys}) > 1:
        raise EvaluationError("list elements must have the same type")
    return [items[index] for index in sorted(range(len(keys)), key=lambda index: keys[index])]


def _range(count: int) -> list[int]:
    if count < 0:
        raise EvaluationError(f"lists.range: size must be non-negative, got {count}")
    if count > _MOST:
        raise EvaluationError(f"lists.range: size {count} exceeds maximum allowed ({_MOST})")
    return list(range(count))


def _distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for each in items:
        if not contains(found, each):
            found.append(each)
    return found


def _inserted(of: dict[Any, Any], *entry: Any) -> dict[Any, Any]:
    more = {entry[0]: entry[1]} if len(entry) == 2 else entry[0]
    for key in more:
        if key in of:
            raise EvaluationError(f"insert failed: key {shown_key(key)} already exists")
    return {**of, **more}


def _is_subset(items: list[Any], others: list[Any]) -> bool:
    return all(contains(items, each) for each in others)


COLLECTIONS: tuple[Function, ...] = (
    define("isSorted", _each("list(X).() bool", _COMPARABLE), _is_sorted),
    define("sum", _each("list(X).() X", _SUMMED), _sum),
    define("max", _each("list(X).() X", _COMPARABLE), lambda items: _extreme(items, "max")),
    define("min", _each("list(X).() X", _COMPARABLE), lambda items: _extreme(items, "min")),
    define("indexOf", "list(A).(A) int", _index_of),
    define("lastIndexOf", "list(A).(A) int", _last_index_of),
    define("slice", "list(T).(int, int) list(T)", _slice),
    define("flatten", "list(list(T)).() list(T) | list(dyn).(int) list(dyn)", _flatten),
    define("sort", _each("list(X).() list(X)", _COMPARABLE), lambda items: _sort_by(items, items)),
    define("@sortByAssociatedKeys", _each("list(T).(list(X)) list(T)", _COMPARABLE), _sort_by),
    define("lists.range", "(int) list(int)", _range),
    define("reverse", "list(T).() list(T)", lambda items: items[::-1]),
    define("distinct", "list(T).() list(T)", _distinct),
    define("cel.@mapInsert", "(map(K, V), K, V) map(K, V) | (map(K, V), map(K, V)) map(K, V)", _inserted),
    define("sets.contains", "(list(T), list(T)) bool", _is_subset),
    define(
        "sets.equivalent",
        "(list(T), list(T)) bool",
        lambda one, other: _is_subset(one, other) and _is_subset(other, one),
    ),
    define("sets.intersects", "(list(T), list(T)) bool", lambda one, other: any(contains(other, each) for each in one)),
)
