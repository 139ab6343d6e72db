"""The values of expressions. Pure.

null, bool, int, double, string and bytes are Python's own; lists and maps are ``list`` and ``dict``. Everything else is
a class of this module, or one with a ``cel_type``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kubeapi.cel.faults import EvaluationError, no_such_key
from kubeapi.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
    list_of,
    map_of,
    optional_of,
    struct,
)

MAX_INT, MIN_INT, MAX_UINT = 2**63 - 1, -(2**63), 2**64 - 1


class Uint(int):
    """An unsigned number."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, in nanoseconds since 1970."""

    nanos: int
    offset: int = field(default=0, compare=False)
    """Seconds by which the clock is ahead of UTC in which it was written; as text it is written so again."""
    cel_type: ClassVar[Type] = TIMESTAMP


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in nanoseconds."""

    nanos: int
    cel_type: ClassVar[Type] = DURATION


@dataclass(frozen=True, slots=True)
class Optional:
    """A value, or none."""

    value: Any = None
    has_value: bool = False
    cel_type: ClassVar[Type] = optional_of(DYN)


NOTHING = Optional()


@dataclass(frozen=True, slots=True)
class TypeValue:
    """A type as a value; types with the same name are equal."""

    name: str
    cel_type: ClassVar[Type] = TYPE


class SetList(list[Any]):
    """A list with ``x-kubernetes-list-type: set``: the order does not count, and + adds what is not there."""


class KeyedList(list[Any]):
    """A list with ``x-kubernetes-list-type: map``: + replaces the items that have the same ``keys``."""

    keys: tuple[str, ...] = ()


class Typed(dict[str, Any]):
    """An object of a named type, which an expression has made."""

    def __init__(self, type_name: str, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.type_name = type_name

    @property
    def cel_type(self) -> Type:
        """The object's type."""
        return struct(self.type_name)


class LazyFields:
    """A map whose values are computed when they are asked for, once."""

    def __init__(self, compute: dict[str, Callable[[], Any]]) -> None:
        self._compute = compute
        self._known: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._compute

    def __getitem__(self, name: str) -> Any:
        if name not in self._compute:
            raise no_such_key(name)
        if name not in self._known:
            try:
                self._known[name] = self._compute[name]()
            except EvaluationError as error:
                self._known[name] = error
        value = self._known[name]
        if isinstance(value, EvaluationError):
            raise value
        return value


_LIST, _MAP = list_of(DYN), map_of(DYN, DYN)
_OWN: dict[type, Type] = {
    bool: BOOL,
    int: INT,
    Uint: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
    list: _LIST,
    dict: _MAP,
    SetList: _LIST,
    KeyedList: _LIST,
    LazyFields: _MAP,
}


def type_of_value(value: Any) -> Type:
    """Return the type of a value; what a list, a map or an optional value has is dyn."""
    found = _OWN.get(type(value))
    if found is not None:
        return found
    own: Type = value.cel_type
    return own


def equal(one: Any, other: Any) -> bool:
    """Compare as ``==`` does: values of different types differ, numbers are compared by their value."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return _lists_equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        if getattr(one, "type_name", "") != getattr(other, "type_name", "") or len(one) != len(other):
            return False
        return all(key in other and equal(value, other[key]) for key, value in one.items())
    if isinstance(one, Optional) and isinstance(other, Optional):
        return one.has_value == other.has_value and equal(one.value, other.value)
    return bool(one == other)


def _lists_equal(one: list[Any], other: list[Any]) -> bool:
    if len(one) != len(other):
        return False
    if isinstance(one, SetList | KeyedList):
        return all(contains(one, each) for each in other) and all(contains(other, each) for each in one)
    return all(map(equal, one, other))


def contains(items: list[Any], value: Any) -> bool:
    """Tell whether a list has a value."""
    return any(equal(each, value) for each in items)


def added(one: list[Any], other: list[Any]) -> list[Any]:
    """Return the sum of two lists."""
    if isinstance(one, SetList):
        return SetList([*one, *(each for each in other if not contains(one, each))])
    if isinstance(one, KeyedList):
        merged = {_key(each, one.keys): each for each in one} | {_key(each, one.keys): each for each in other}
        result = KeyedList(merged.values())
        result.keys = one.keys
        return result
    return [*one, *other]


def _key(item: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(each) for each in names) if isinstance(item, dict) else (repr(item),)


def is_zero(value: Any) -> bool:
    """Tell whether ``optional.ofNonZeroValue`` leaves a value out."""
    if isinstance(value, Timestamp):
        return False
    if isinstance(value, Duration):
        return value.nanos == 0
    return value is None or (isinstance(value, bool | int | float | str | bytes | list | dict) and not value)
