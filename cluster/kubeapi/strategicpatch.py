"""Strategic merge patches: which fields and list items a patch replaces, merges, deletes, and in which order they are.

Lists merge by the merge key that the schema names, so that a changed port replaces that port alone. What the patch
names comes in the patch's order, before items of the document that nothing orders. Directives:
``$patch: delete|replace``, ``$retainKeys``, ``$deleteFromPrimitiveList/F`` and ``$setElementOrder/F``. Follows
apimachinery ``pkg/util/strategicpatch`` (mergeMap). Pure; changes nothing that it is given.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.schema import FieldType, Struct, struct

PATCH, RETAIN_KEYS = "$patch", "$retainKeys"
DELETE_FROM, ELEMENT_ORDER = "$deleteFromPrimitiveList/", "$setElementOrder/"

_MAP = "map[string]interface {}"
_LIST = "[]interface {}"
_GO_TYPES: dict[type, str] = {list: _LIST, str: "string", bool: "bool", int: "int64", float: "float64"}


class StrategicPatchError(ValueError):
    """A patch that cannot be merged; ``code`` is the HTTP status with which the API server says so."""

    def __init__(self, message: str, code: int = 500) -> None:
        super().__init__(message)
        self.code = code


class _Merging(NamedTuple):
    """How the items of a list are merged: by ``key`` ("" for scalars), each as ``item`` describes it."""

    key: str
    item: Struct | None

    def of(self, each: Any) -> Any:
        """Return what tells an item from the others."""
        return each.get(self.key) if self.key and isinstance(each, dict) else each


class Places:
    """Where each of a list's keys stands first: looked up at once, however long the list is."""

    def __init__(self, keys: Iterable[Any]) -> None:
        self._places: dict[Any, int] = {}
        for place, key in enumerate(keys):
            self._places.setdefault(_hashable(key), place)

    def __contains__(self, key: Any) -> bool:
        return _hashable(key) in self._places

    def find(self, key: Any) -> int | None:
        """Return the place of a key, None if it is not there."""
        return self._places.get(_hashable(key))

    def add(self, key: Any, place: int) -> None:
        """Record one more key."""
        self._places.setdefault(_hashable(key), place)

    def place(self, key: Any) -> int:
        """Return where a key stands, after all others if it is not there."""
        return self._places.get(_hashable(key), LAST)


LAST = sys.maxsize


def _hashable(key: Any) -> Any:
    """Return a JSON value, or for a list or map what is equal exactly where they are."""
    if isinstance(key, dict):
        return ("map", *sorted((name, _hashable(each)) for name, each in key.items()))
    return ("list", *map(_hashable, key)) if isinstance(key, list) else key


def strategic_merge(document: JSON, patch: JSON, known: Struct | None) -> JSON:
    """Return the document with a strategic merge patch applied; StrategicPatchError.

    ``known`` is the document's struct, None for a map of anything.
    """
    if PATCH not in patch:
        return _merged_map(document, patch, known)
    match patch[PATCH]:
        case "replace":
            return {name: value for name, value in patch.items() if name != PATCH}
        case "delete":
            return {}
        case directive:
            raise _unknown_directive(directive, patch)


def struct_of_field(known: Struct | None, name: str) -> Struct | None:
    """Return the struct of a field, or of its items; None for maps and unknown fields."""
    field: FieldType | None = known.fields.get(name) if known is not None else None
    if field is not None and field.kind == "list":
        field = field.element
    return struct(field.name) if field is not None and field.kind == "struct" else None


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


def _merged_map(document: JSON, patch: JSON, known: Struct | None) -> JSON:
    result = _retained(document, patch)
    ordered = {name.removeprefix(ELEMENT_ORDER): name for name in patch if name.startswith(ELEMENT_ORDER)}
    for field, directive in ordered.items():
        _merge_ordered(result, field, patch, patch[directive], known)
    for name, value in patch.items():
        if name.startswith(DELETE_FROM):
            field = name.removeprefix(DELETE_FROM)
            if isinstance(value, list) and isinstance(result.get(field), list):
                gone = Places(value)
                result[field] = [each for each in result[field] if each not in gone]
        elif not name.startswith(ELEMENT_ORDER) and name != RETAIN_KEYS and name not in ordered:
            _merge_field(result, name, value, known)
    return result


def _retained(document: JSON, patch: JSON) -> JSON:
    """Return the fields of the document that the patch lets stay."""
    if RETAIN_KEYS not in patch:
        return dict(document)
    names = patch[RETAIN_KEYS]
    stated = [name for name, value in patch.items() if value is not None and name != RETAIN_KEYS]
    fields = [name for name in stated if not name.startswith((DELETE_FROM, ELEMENT_ORDER))]
    if not isinstance(names, list) or any(each not in names for each in fields):
        raise StrategicPatchError("invalid patch format of retainKeys", 400)
    return {name: value for name, value in document.items() if name in names}


def _merge_field(result: JSON, name: str, value: Any, known: Struct | None) -> None:
    old = result.get(name)
    if value is None:
        result.pop(name, None)
    elif isinstance(value, dict) and isinstance(old, dict):
        result[name] = strategic_merge(old, value, struct_of_field(known, name))
    elif isinstance(value, list) and isinstance(old, list):
        merging = _merging_of(known, name)
        result[name] = value if merging is None else _merged_list(old, value, merging)
    elif isinstance(value, dict) and PATCH in value:
        # A directive for what is not there: nothing is left of it, whatever stands beside it.
        result.pop(name, None)
    else:
        result[name] = _without_directives(value)


def _merging_of(known: Struct | None, name: str) -> _Merging | None:
    """Return how a list merges, None for one that a patch replaces."""
    if known is None or name not in known.merge_keys:
        return None
    return _Merging(known.merge_keys[name], struct_of_field(known, name))


def _merge_ordered(result: JSON, name: str, patch: JSON, order: Any, known: Struct | None) -> None:
    """Merge a list whose order the patch states."""
    old, new = result.get(name), patch.get(name)
    for each in (order, *(() if name not in result else (old,)), *(() if name not in patch else (new,))):
        if not isinstance(each, list):
            raise StrategicPatchError(f"expected a {_LIST}, but received a {_go_type(each)}")
    if known is not None and name not in known.fields:
        message = f'unable to find api field in struct {known.go_name} for the json field "{name}"'
        raise StrategicPatchError(message)
    merging = _merging_of(known, name)
    keys = merging or _Merging("", None)
    _check_order(new or [], order, keys)
    if old is None and new is None:
        return
    if old is None:
        merged = _without_directives(new)
    elif new is None:
        merged = old
    else:
        merged = new if merging is None else _merged_list(old, new, merging)
    if not old and not new:
        raise StrategicPatchError("no elements in any of the given slices")
    result[name] = _in_order(merged, order, old or [], keys)


def _check_order(patch: list[Any], order: list[Any], merging: _Merging) -> None:
    """Refuse a patch whose items are not among those of its order, or come in another one."""
    if not patch or not order:
        return
    stated = deque(each for each in patch if not (isinstance(each, dict) and each.get(PATCH) == "delete"))
    left = deque(order)
    while stated and left:
        if _has_directive(stated[0]) or _key_of(stated[0], merging) == _key_of(left.popleft(), merging):
            stated.popleft()
    if stated:
        detail = f"{go_map(patch)}\n doesn't match $setElementOrder list:\n{go_map(order)}\n"
        raise StrategicPatchError(f"The order in patch list:\n{detail}")


def _merged_list(old: list[Any], patch: list[Any], merging: _Merging) -> list[Any]:
    """Return a list with a patch's items merged into it, in the order of both."""
    if not old and not patch:
        return old
    _check_elements([*old, *patch])
    if not isinstance([*old, *patch][0], dict):
        return _in_order(list(dict.fromkeys([*old, *patch])), patch, old, merging)
    if not merging.key:
        name = merging.item.go_name if merging.item else ""
        raise StrategicPatchError(f"cannot merge lists without merge key for {name}")
    old, patch = _directed(old, patch, merging)
    merged = list(old)
    places = Places(map(merging.of, merged))
    for each in patch:
        key = _key_of(each, merging)
        at = places.find(key)
        if at is None:
            places.add(key, len(merged))
            merged.append(each)
        else:
            merged[at] = strategic_merge(merged[at], each, merging.item)
    return _in_order(merged, patch, old, merging)


def _check_elements(items: list[Any]) -> None:
    """Refuse lists of lists and lists of unlike things."""
    if isinstance(items[0], list):
        raise StrategicPatchError("lists of lists are not supported", 422)
    if any(_go_type(each) != _go_type(items[0]) for each in items):
        raise StrategicPatchError(f"list element types are not identical: {go_map(items)}")


def _directed(old: list[Any], patch: list[Any], merging: _Merging) -> tuple[list[Any], list[Any]]:
    """Return both lists after the directives among the patch's items."""
    plain = [each for each in patch if PATCH not in each]
    is_replaced = False
    gone: list[Any] = []
    for each in patch:
        match each.get(PATCH):
            case "delete":
                gone.append(_key_of(each, merging))
            case "replace":
                is_replaced = True
            case "merge":
                raise StrategicPatchError("merging lists cannot yet be specified in the patch")
            case directive if PATCH in each:
                raise _unknown_directive(directive, each)
    if is_replaced:
        return plain, []
    deleted = Places(gone)
    return [item for item in old if merging.of(item) not in deleted] if gone else old, plain


def _in_order(items: list[Any], order: Sequence[Any], old: Sequence[Any], merging: _Merging) -> list[Any]:
    """Return items in the order of ``order``; those that it does not name keep their place in ``old``.

    Two lists are merged from the front (normalizeElementOrder): one of ``old`` comes first only if both are in ``old``,
    and it was before the other.
    """
    wanted = Places([_key_of(each, merging) for each in order])
    before = Places(map(merging.of, old))
    named = deque(_sorted([each for each in items if _key_of(each, merging) in wanted], wanted, merging))
    others = deque(_sorted([each for each in items if merging.of(each) not in wanted], before, merging))
    result: list[Any] = []
    while named and others:
        first, second = before.place(merging.of(others[0])), before.place(merging.of(named[0]))
        result.append((others if first < second < LAST else named).popleft())
    return [*result, *named, *others]


def _sorted(items: list[Any], keys: Places, merging: _Merging) -> list[Any]:
    """Return items as ``keys`` order them.

    One that ``keys`` lacks comes before all that precede it: not by intent, but what apimachinery does with an order
    that names too little (normalizeSliceOrder, by Go's stable sort of up to 20 items).
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


def _key_of(item: Any, merging: _Merging) -> Any:
    """Return an item's merge key; StrategicPatchError if it has none."""
    if not merging.key:
        return item
    if not isinstance(item, dict):
        raise StrategicPatchError(f"expected a {_MAP}, but received a {_go_type(item)}")
    if merging.key not in item:
        raise StrategicPatchError(f"map: {go_map(item)} does not contain declared merge key: {merging.key}")
    return item[merging.key]


def _without_directives(value: Any) -> Any:
    """Return what a patch brings that was not there: without nulls, and without what has a directive."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if each is not None and not _has_directive(each)}
        return {name: _without_directives(each) for name, each in kept.items()}
    if isinstance(value, list):
        return [_without_directives(each) for each in value if not _has_directive(each)]
    return value


def _has_directive(value: Any) -> bool:
    return isinstance(value, dict) and PATCH in value


def _unknown_directive(directive: Any, patch: JSON) -> StrategicPatchError:
    return StrategicPatchError(f"unknown patch type: {go_map(directive)} in map: {go_map(patch)}")


def _go_type(value: Any) -> str:
    """Return the Go type of a JSON value."""
    if value is None:
        return "%!s(<nil>)"
    return _GO_TYPES.get(type(value), _MAP)
