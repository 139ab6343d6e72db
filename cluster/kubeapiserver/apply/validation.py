"""Faults of an applied configuration, with the messages of structured-merge-diff ``typed/validate.go``. Pure.

Stricter than ``kubeapi.serialization.decoding``: a field that is not in the schema cannot have an owner.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kubeapiserver.apply.fieldpath import FIELD, element_text
from kubeapiserver.apply.typed import Atom, indexed

_NUMBERS = frozenset(("int32", "int64", "number", "double"))
_TEXTS = frozenset(("string", "byte", "Time", "MicroTime"))
_UNCHECKED = frozenset(("any", "list", "map", "struct"))


def typed_faults(atom: Atom, value: Any) -> list[str]:
    """Return a message for every fault, with its path."""
    return [f"{path}: {message}" if path else message for path, message in _faults(atom, value, "")]


def _faults(atom: Atom, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if atom.relation == "leaf" or (atom.relation == "deduced" and not isinstance(value, dict)):
        message = _scalar_fault(atom.scalar, value)
        if message:
            yield path, message
    elif atom.relation == "list":
        yield from _list_faults(atom, value, path)
    elif not isinstance(value, dict):
        yield path, f"expected map, got &{{{_go(value)}}}"
    else:
        for name, each in value.items():
            if atom.relation == "struct" and name not in atom.fields and atom.element is None:
                yield f"{path}.{name}", "field not declared in schema"
            else:
                yield from _faults(atom.child(FIELD + name), each, f"{path}.{name}")


def _list_faults(atom: Atom, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list):
        yield path, f"expected list, got &{{{_go(value)}}}"
        return
    for index, item in enumerate(value):
        message = _key_fault(atom.keys, item)
        if message:
            yield path, f"element {index}: {message}"
            return
    for element, items in indexed(atom, value).items():
        for _ in items[1:]:
            yield path, f"duplicate entries for key {element_text(element)}"
        for item in items:
            yield from _faults(atom.child(element), item, f"{path}{element_text(element)}")


def _key_fault(keys: tuple[str, ...], item: Any) -> str:
    if not keys:
        kinds = {dict: "that's a map type", list: "that's a list type", type(None): "that's an explicit null"}
        found = kinds.get(type(item))
        return f"associative list without keys has an element {found}" if found else ""
    if item is None:
        return "associative list with keys may not have a null element"
    if not isinstance(item, dict):
        return "associative list with keys may not have non-map elements"
    if "protocol" in keys or any(key in item for key in keys):
        return ""
    named = " ".join(json.dumps(key) for key in keys)
    omits = f"omits all key fields [{named}] (and doesn't have default values for any key fields)"
    return f"associative list with keys has an element that {omits}"


def _scalar_fault(kind: str, value: Any) -> str:
    is_number = type(value) in (int, float)
    if kind in _NUMBERS and not is_number:
        return f"expected numeric (int or float), got {_go_type(value)}"
    if kind in _TEXTS and not isinstance(value, str):
        return f"expected string, got &value.valueUnstructured{{Value:{_go(value)}}}"
    if kind == "boolean" and not isinstance(value, bool):
        return f"expected boolean, got &{{{_go(value)}}}"
    is_scalar = is_number or isinstance(value, str | bool)
    return "" if is_scalar or kind in _UNCHECKED or kind in _TEXTS else f"expected any scalar, got &{{{_go(value)}}}"


def _go(value: Any) -> str:
    """Return a value as Go's fmt prints it."""
    match value:
        case dict():
            return f"map[{' '.join(f'{name}:{_go(each)}' for name, each in sorted(value.items()))}]"
        case list():
            return f"[{' '.join(map(_go, value))}]"
        case bool():
            return "true" if value else "false"
        case None:
            return "<nil>"
    return str(value)


def _go_type(value: Any) -> str:
    kinds: dict[type, str] = {dict: "map[string]interface {}", list: "[]interface {}", str: "string"}
    return kinds.get(type(value), type(value).__name__)
