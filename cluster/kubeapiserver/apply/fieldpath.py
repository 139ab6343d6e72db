"""Paths and sets of fields, in the format of ``metadata.managedFields`` (FieldsV1). Pure.

A path is a tuple of elements: ``f:NAME`` is a field or a map's key, ``k:{...}`` a list item by its keys, ``v:...`` a
set item by its value. A set of fields is a frozenset of paths; a path does not include its parents. Follows
sigs.k8s.io/structured-merge-diff ``fieldpath``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from kubeapi.meta import JSON

Path = tuple[str, ...]
FieldSet = frozenset[Path]

FIELD = "f:"
_KEY, _VALUE, _INDEX, _SELF = "k:", "v:", "i:", "."
_KINDS = frozenset((FIELD, _KEY, _VALUE, _INDEX))

_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode

_KEY_DEFAULTS = {"protocol": "TCP"}
"""Defaults of keys that an item may omit (ServicePort and ContainerPort)."""


def item_element(item: Any, keys: tuple[str, ...]) -> str:
    """Return the path element of a list item: its keys, or its value if the list is a set (has no keys)."""
    if not keys:
        return _VALUE + _encode(item)
    fields = item if isinstance(item, dict) else {}
    found = [fields.get(key, _KEY_DEFAULTS.get(key)) for key in keys]
    try:
        return _key_element(keys, *found)
    except TypeError:  # a malformed configuration has lists and maps as keys, which cannot be hashed
        return _key_element.__wrapped__(keys, *found)


@lru_cache(maxsize=1024, typed=True)  # typed: true is not 1
def _key_element(keys: tuple[str, ...], *values: Any) -> str:
    return _KEY + _encode({key: value for key, value in zip(keys, values, strict=True) if value is not None})


def fields_v1(fields: Iterable[Path]) -> JSON:
    """Return a set as FieldsV1: a tree in which ``.`` marks a member that has members below it."""
    tree: JSON = {}
    for path in sorted(fields):
        node = tree
        for element in path[:-1]:
            below = node.get(element)
            if below is None:
                below = node[element] = {}
            elif not below:
                below[_SELF] = {}  # a leaf so far, so it is a member: in this order parents come first
            node = below
        node[path[-1]] = {}
    return tree


def read_fields_v1(tree: Any) -> FieldSet:
    """Return the set in a FieldsV1 tree; ValueError if the tree is malformed."""
    found: list[Path] = []
    if not isinstance(tree, dict):
        raise ValueError("fieldsV1 is not an object")
    _collect(tree, (), found)
    return frozenset(found)


def _collect(tree: JSON, path: Path, found: list[Path]) -> None:
    for element, inner in tree.items():
        if element == _SELF:
            continue
        if element[:2] not in _KINDS:
            raise ValueError(f"unable to parse path element {element}")
        if not isinstance(inner, dict):
            raise ValueError("fieldsV1 is not an object")
        below = (*path, element)
        if not inner or _SELF in inner:
            found.append(below)
        _collect(inner, below, found)


def path_text(path: Path) -> str:
    """Return a path for messages: ``.spec.ports[port=80,protocol="TCP"].nodePort``."""
    return "".join(map(element_text, path))


def element_text(element: str) -> str:
    """Return one path element for messages."""
    kind, text = element[:2], element[2:]
    if kind == FIELD:
        return f".{text}"
    if kind == _KEY:
        return f"[{','.join(f'{name}={_encode(value)}' for name, value in _keys_of(text))}]"
    return f"[={text}]" if kind == _VALUE else f"[{text}]"


def _keys_of(text: str) -> list[tuple[str, Any]]:
    """Return names and values of a key element, [] for text that clients have made up."""
    try:
        keys = json.loads(text)
    except ValueError:
        return []
    return sorted(keys.items()) if isinstance(keys, dict) else []


def in_order(fields: FieldSet) -> list[Path]:
    """Return the paths in the order of the real server: at every level the members before what lies below them."""
    return sorted(fields, key=lambda path: [(index < len(path) - 1, element) for index, element in enumerate(path)])
