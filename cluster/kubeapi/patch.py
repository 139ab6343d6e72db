"""How one document changes another: JSON merge patch, strategic merge patch, and kubectl's three-way apply.

Lists merge by the merge key that the schema names, so that a changed port replaces that port alone. Directives:
``$patch: delete|replace``, ``$retainKeys``, ``$deleteFromPrimitiveList/F`` and ``$setElementOrder/F``. Follows
RFC 7386 and apimachinery ``strategicpatch``. Pure; changes nothing that it is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubeapi.meta import JSON
from kubeapi.schema import FieldType, Struct, struct

_PATCH = "$patch"
_RETAIN_KEYS = "$retainKeys"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_ELEMENT_ORDER = "$setElementOrder/"


def merge(document: Any, patch: Any) -> Any:
    """Return the document with a JSON merge patch applied (RFC 7386): null deletes, lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def strategic_merge(document: JSON, patch: JSON, known: Struct | None) -> JSON:
    """Return the document with a strategic merge patch applied; ``known`` is its struct, None for a free map."""
    if patch.get(_PATCH) == "replace":
        return {name: value for name, value in patch.items() if name != _PATCH}
    if patch.get(_PATCH) == "delete":
        return {}
    result = dict(document)
    retained = patch.get(_RETAIN_KEYS)
    if isinstance(retained, list):
        result = {name: value for name, value in result.items() if name in retained}
    for name, value in patch.items():
        if name.startswith(_DELETE_FROM) and isinstance(value, list):
            field = name.removeprefix(_DELETE_FROM)
            result[field] = [each for each in _items(result.get(field)) if each not in value]
        elif not name.startswith("$"):
            _merge_field(result, name, value, known)
    for name, order in patch.items():
        if name.startswith(_ELEMENT_ORDER) and isinstance(order, list):
            field = name.removeprefix(_ELEMENT_ORDER)
            key = known.merge_keys.get(field, "") if known else ""
            if isinstance(result.get(field), list):
                result[field] = _ordered(result[field], order, key)
    return result


def _merge_field(result: JSON, name: str, value: Any, known: Struct | None) -> None:
    if value is None:
        result.pop(name, None)
    elif isinstance(value, dict):
        old = result.get(name)
        result[name] = strategic_merge(old if isinstance(old, dict) else {}, value, _struct_of(known, name))
    elif isinstance(value, list) and known is not None and name in known.merge_keys:
        key = known.merge_keys[name]
        old_items = _items(result.get(name))
        result[name] = _merge_items(old_items, value, key, _struct_of(known, name)) if key else _union(old_items, value)
    else:
        result[name] = value


def _merge_items(old: list[Any], patches: list[Any], key: str, known: Struct | None) -> list[Any]:
    """Merge a list of objects item by item; an item with a key that is not there yet is appended."""
    if any(isinstance(each, dict) and each.get(_PATCH) == "replace" for each in patches):
        return [each for each in patches if _PATCH not in each]
    result = list(old)
    for patch in patches:
        if not isinstance(patch, dict):
            continue
        index = next((at for at, each in enumerate(result) if _key_of(each, key) == patch.get(key)), None)
        if patch.get(_PATCH) == "delete":
            result = [each for each in result if _key_of(each, key) != patch.get(key)]
        elif index is None:
            result.append(strategic_merge({}, patch, known))
        else:
            result[index] = strategic_merge(result[index], patch, known)
    return result


def _ordered(items: list[Any], order: list[Any], key: str) -> list[Any]:
    """Sort the items that ``order`` names as it names them, before the others."""
    wanted = [_key_of(each, key) for each in order]
    named = [each for each in items if _key_of(each, key) in wanted]
    return [
        *sorted(named, key=lambda each: wanted.index(_key_of(each, key))),
        *(each for each in items if _key_of(each, key) not in wanted),
    ]


def three_way_patch(original: JSON, modified: JSON, current: JSON, known: Struct | None) -> JSON:
    """Return the strategic merge patch that makes ``current`` what ``modified`` says, ``{}`` if it is that already.

    What ``original`` (the manifest applied last) had and ``modified`` has no longer is deleted; what others set and
    neither mentions stays.
    """
    patch: JSON = {}
    for name, value in modified.items():
        change = _field_change(original.get(name), value, current, name, known)
        patch.update(change)
    for name in original.keys() - modified.keys():
        if name in current:
            patch[name] = None
    return patch


def _field_change(original: Any, value: Any, current: JSON, name: str, known: Struct | None) -> JSON:
    """Return what the patch says about one field that the manifest has."""
    if name not in current:
        return {name: value}
    now = current[name]
    if isinstance(value, dict) and isinstance(now, dict):
        inner = three_way_patch(original if isinstance(original, dict) else {}, value, now, _struct_of(known, name))
        if inner and known is not None and name in known.retain_keys:
            inner[_RETAIN_KEYS] = sorted(value)
        return {name: inner} if inner else {}
    if isinstance(value, list) and isinstance(now, list) and known is not None and name in known.merge_keys:
        key = known.merge_keys[name]
        if key:
            return _list_change(_items(original), value, now, name, known)
        return _set_change(_items(original), value, now, name)
    return {} if value == now else {name: value}


def _list_change(original: list[Any], modified: list[Any], current: list[Any], name: str, known: Struct) -> JSON:
    """Return what the patch says about a list of objects that merges by key."""
    key, item_struct = known.merge_keys[name], _struct_of(known, name)
    keys = [_key_of(each, key) for each in modified]
    if len(set(map(str, keys))) < len(keys) or not all(isinstance(each, dict) for each in modified):
        return {} if modified == current else {name: [*modified, {_PATCH: "replace"}]}
    changes: list[JSON] = []
    for item in modified:
        now = _find(current, key, item.get(key))
        change = three_way_patch(_find(original, key, item.get(key)) or {}, item, now or {}, item_struct)
        if change and name in known.retain_keys:
            change[_RETAIN_KEYS] = sorted(item)
        if now is None or change:
            changes.append({**change, key: item.get(key)})
    gone = [_key_of(each, key) for each in original if _key_of(each, key) not in keys]
    changes.extend({_PATCH: "delete", key: each} for each in gone if _find(current, key, each) is not None)
    is_in_order = [each for each in (_key_of(item, key) for item in current) if each in keys] == keys
    if not changes and is_in_order:
        return {}
    order = {f"{_ELEMENT_ORDER}{name}": [{key: each} for each in keys]}
    return {**order, name: changes} if changes else order


def _set_change(original: list[Any], modified: list[Any], current: list[Any], name: str) -> JSON:
    """Return what the patch says about a list that is a set of scalars."""
    added = [each for each in modified if each not in current]
    gone = [each for each in original if each not in modified and each in current]
    return {**({name: added} if added else {}), **({f"{_DELETE_FROM}{name}": gone} if gone else {})}


def _struct_of(known: Struct | None, name: str) -> Struct | None:
    """Return the struct of a field, or of its items; None for maps and unknown fields."""
    field: FieldType | None = known.fields.get(name) if known is not None else None
    if field is not None and field.kind == "list":
        field = field.element
    return struct(field.name) if field is not None and field.kind == "struct" else None


def _find(items: Iterable[Any], key: str, value: Any) -> JSON | None:
    return next((each for each in items if isinstance(each, dict) and each.get(key) == value), None)


def _key_of(item: Any, key: str) -> Any:
    return item.get(key) if key and isinstance(item, dict) else item


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _union(old: list[Any], new: list[Any]) -> list[Any]:
    return [*old, *(each for each in new if each not in old)]
