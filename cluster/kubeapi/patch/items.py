"""The items of a list in a strategic merge patch: their keys and their order.

Follows apimachinery ``pkg/util/strategicpatch`` (normalizeElementOrder, validatePatchWithSetOrderList).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from kubeapi.schema import Struct

PATCH, RETAIN_KEYS = "$patch", "$retainKeys"
DELETE_FROM, ELEMENT_ORDER = "$deleteFromPrimitiveList/", "$setElementOrder/"
"""Directives of a patch."""

LAST = sys.maxsize
"""The place of what has none."""

_MAP = "map[string]interface {}"
LIST = "[]interface {}"
_GO_TYPES: dict[type, str] = {list: LIST, str: "string", bool: "bool", int: "int64", float: "float64"}


class StrategicPatchError(ValueError):
    """A patch that cannot be merged; ``code`` is the HTTP status with which the API server says so."""

    def __init__(self, message: str, code: int = 500) -> None:
        super().__init__(message)
        self.code = code


class Merging(NamedTuple):
    """How the items of a list are merged: by ``key`` ("" for scalars), each as ``item`` describes it."""

    key: str
    item: Struct | None

    def of(self, each: Any) -> Any:
        """Return an item's merge key, or a scalar itself."""
        return each.get(self.key) if self.key and isinstance(each, dict) else each


class Places:
    """The first index of each key of a list, in a hash table."""

    def __init__(self, keys: Iterable[Any]) -> None:
        self._places: dict[Any, int] = {}
        for place, key in enumerate(keys):
            self._places.setdefault(_hashable(key), place)

    def __contains__(self, key: Any) -> bool:
        return _hashable(key) in self._places

    def find(self, key: Any) -> int | None:
        """Return the index of a key, None if it is not there."""
        return self._places.get(_hashable(key))

    def add(self, key: Any, place: int) -> None:
        """Record one more key."""
        self._places.setdefault(_hashable(key), place)

    def place(self, key: Any) -> int:
        """Return the index of a key, LAST if it is not there."""
        return self._places.get(_hashable(key), LAST)


def _hashable(key: Any) -> Any:
    """Return a hashable value that is equal for equal JSON values only."""
    if isinstance(key, dict):
        return ("map", *sorted((name, _hashable(each)) for name, each in key.items()))
    return ("list", *map(_hashable, key)) if isinstance(key, list) else key


def go_map(value: Any) -> str:
    """Return a JSON value as Go's %v prints it."""
    match value:
        case dict():
            return f"map[{' '.join(f'{name}:{go_map(each)}' for name, each in sorted(value.items()))}]"
        case list():
            return f"[{' '.join(go_map(each) for each in value)}]"
        case bool():
            return "true" if value else "false"
        case None:
            return "<nil>"
    return str(value)


def check_order(patch: list[Any], order: list[Any], merging: Merging) -> None:
    """Raise StrategicPatchError for items that are not in the stated order, or in another order."""
    if not patch or not order:
        return
    stated = deque(each for each in patch if not (isinstance(each, dict) and each.get(PATCH) == "delete"))
    left = deque(order)
    while stated and left:
        if has_directive(stated[0]) or key_of(stated[0], merging) == key_of(left.popleft(), merging):
            stated.popleft()
    if stated:
        detail = f"{go_map(patch)}\n doesn't match $setElementOrder list:\n{go_map(order)}\n"
        raise StrategicPatchError(f"The order in patch list:\n{detail}")


def in_order(items: list[Any], order: Sequence[Any], old: Sequence[Any], merging: Merging) -> list[Any]:
    """Return items in the order of ``order``; those that it does not name keep their place in ``old``.

    Two lists are merged from the front (normalizeElementOrder): one of ``old`` comes first only if both are in ``old``,
    and it was before the other.
    """
    wanted = Places([key_of(each, merging) for each in order])
    before = Places(map(merging.of, old))
    named = deque(_sorted([each for each in items if key_of(each, merging) in wanted], wanted, merging))
    others = deque(_sorted([each for each in items if merging.of(each) not in wanted], before, merging))
    result: list[Any] = []
    while named and others:
        first, second = before.place(merging.of(others[0])), before.place(merging.of(named[0]))
        result.append((others if first < second < LAST else named).popleft())
    return [*result, *named, *others]


def _sorted(items: list[Any], keys: Places, merging: Merging) -> list[Any]:
    """Return items as ``keys`` order them.

    An item that ``keys`` lacks comes before all that precede it, as in apimachinery with an incomplete
    order (normalizeSliceOrder, by Go's stable sort of up to 20 items).
    """
    places = [keys.place(merging.of(each)) for each in items]
    if LAST not in places:
        return [each for _, each in sorted(zip(places, items, strict=True), key=lambda pair: pair[0])]
    result: list[tuple[int, Any]] = []
    for place, each in zip(places, items, strict=True):
        at = len(result)
        while at and not result[at - 1][0] <= place < LAST:
            at -= 1
        result.insert(at, (place, each))
    return [each for _, each in result]


def key_of(item: Any, merging: Merging) -> Any:
    """Return an item's merge key; StrategicPatchError if it has none."""
    if not merging.key:
        return item
    if not isinstance(item, dict):
        raise StrategicPatchError(f"expected a {_MAP}, but received a {go_type(item)}")
    if merging.key not in item:
        raise StrategicPatchError(f"map: {go_map(item)} does not contain declared merge key: {merging.key}")
    return item[merging.key]


def has_directive(value: Any) -> bool:
    """Tell whether a value is a map with a directive of its own."""
    return isinstance(value, dict) and PATCH in value


def go_type(value: Any) -> str:
    """Return the Go type of a JSON value."""
    if value is None:
        return "%!s(<nil>)"
    return _GO_TYPES.get(type(value), _MAP)
