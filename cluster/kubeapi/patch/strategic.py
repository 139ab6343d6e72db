"""Strategic merge patches: fields and list items are replaced, merged, deleted and ordered.

Lists merge by the merge key in the schema, so that a changed port replaces that port alone. Items of the patch are in
the patch's order, before items of the document that have no order. Directives:
``$patch: delete|replace``, ``$retainKeys``, ``$deleteFromPrimitiveList/F`` and ``$setElementOrder/F``. Follows
apimachinery ``pkg/util/strategicpatch`` (mergeMap). Pure; changes nothing that it is given.
"""

from __future__ import annotations

from typing import Any

from kubeapi.meta import JSON
from kubeapi.patch.items import (
    DELETE_FROM,
    ELEMENT_ORDER,
    LIST,
    PATCH,
    RETAIN_KEYS,
    Merging,
    Places,
    StrategicPatchError,
    check_order,
    go_map,
    go_type,
    has_directive,
    in_order,
    key_of,
)
from kubeapi.schema import FieldType, Struct, struct


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
    """Return the fields of the document that the patch retains."""
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
        # A directive for an absent field: the whole value is dropped, as in apimachinery.
        result.pop(name, None)
    else:
        result[name] = _without_directives(value)


def _merging_of(known: Struct | None, name: str) -> Merging | None:
    """Return how a list merges, None for one that a patch replaces."""
    if known is None or name not in known.merge_keys:
        return None
    return Merging(known.merge_keys[name], struct_of_field(known, name))


def _merge_ordered(result: JSON, name: str, patch: JSON, order: Any, known: Struct | None) -> None:
    """Merge a list in the order that the patch states."""
    old, new = result.get(name), patch.get(name)
    for each in (order, *(() if name not in result else (old,)), *(() if name not in patch else (new,))):
        if not isinstance(each, list):
            raise StrategicPatchError(f"expected a {LIST}, but received a {go_type(each)}")
    if known is not None and name not in known.fields:
        message = f'unable to find api field in struct {known.go_name} for the json field "{name}"'
        raise StrategicPatchError(message)
    merging = _merging_of(known, name)
    keys = merging or Merging("", None)
    check_order(new or [], order, keys)
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
    result[name] = in_order(merged, order, old or [], keys)


def _merged_list(old: list[Any], patch: list[Any], merging: Merging) -> list[Any]:
    """Return a list with a patch's items merged into it, in the order of both."""
    if not old and not patch:
        return old
    _check_elements([*old, *patch])
    if not isinstance([*old, *patch][0], dict):
        return in_order(list(dict.fromkeys([*old, *patch])), patch, old, merging)
    if not merging.key:
        name = merging.item.go_name if merging.item else ""
        raise StrategicPatchError(f"cannot merge lists without merge key for {name}")
    old, patch = _directed(old, patch, merging)
    merged = list(old)
    places = Places(map(merging.of, merged))
    for each in patch:
        key = key_of(each, merging)
        at = places.find(key)
        if at is None:
            places.add(key, len(merged))
            merged.append(each)
        else:
            merged[at] = strategic_merge(merged[at], each, merging.item)
    return in_order(merged, patch, old, merging)


def _check_elements(items: list[Any]) -> None:
    """Raise StrategicPatchError for lists of lists and lists of different types."""
    if isinstance(items[0], list):
        raise StrategicPatchError("lists of lists are not supported", 422)
    if any(go_type(each) != go_type(items[0]) for each in items):
        raise StrategicPatchError(f"list element types are not identical: {go_map(items)}")


def _directed(old: list[Any], patch: list[Any], merging: Merging) -> tuple[list[Any], list[Any]]:
    """Return both lists after the directives among the patch's items."""
    plain = [each for each in patch if PATCH not in each]
    is_replaced = False
    gone: list[Any] = []
    for each in patch:
        match each.get(PATCH):
            case "delete":
                gone.append(key_of(each, merging))
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


def _without_directives(value: Any) -> Any:
    """Return a new value of a patch without nulls and directives."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if each is not None and not has_directive(each)}
        return {name: _without_directives(each) for name, each in kept.items()}
    if isinstance(value, list):
        return [_without_directives(each) for each in value if not has_directive(each)]
    return value


def _unknown_directive(directive: Any, patch: JSON) -> StrategicPatchError:
    return StrategicPatchError(f"unknown patch type: {go_map(directive)} in map: {go_map(patch)}")
