"""Paths and sets of fields, in the format of ``metadata.managedFields`` (FieldsV1). Pure.

A path is a tuple of elements: ``f:NAME`` is a field or a map's key, ``k:{...}`` a list item by its keys, ``v:...`` a
set item by its value. A set of fields is a frozenset of paths; a path does not include its parents. Follows
sigs.k8s.io/structured-merge-diff ``fieldpath``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from kubeapi.meta import JSON

Path = tuple[str, ...]
FieldSet = frozenset[Path]

FIELD = "f:"
_KEY, _VALUE, _INDEX, _SELF = "k:", "v:", "i:", "."

_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode

_KEY_DEFAULTS = {"protocol": "TCP"}
"""Defaults of keys that an item may omit (ServicePort and ContainerPort)."""


def item_element(item: Any, keys: tuple[str, ...]) -> str:
    """Return the path element of a list item: its keys, or its value if the list is a set (has no keys)."""
    if not keys:
        return _VALUE + _encode(item)
    fields = item if isinstance(item, dict) else {}
    found = {key: fields.get(key, _KEY_DEFAULTS.get(key)) for key in keys}
    return _KEY + _encode({key: value for key, value in found.items() if value is not None})


def fields_v1(fields: Iterable[Path]) -> JSON:
    """Return a set as FieldsV1: a tree in which ``.`` marks a member that has members below it."""
    tree: JSON = {}
    for path in sorted(fields):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
        node[_SELF] = {}
    return _without_leaf_marks(tree)


def _without_leaf_marks(tree: JSON) -> JSON:
    return {
        name: {} if node.keys() == {_SELF} else _without_leaf_marks(node)
        for name, node in sorted(tree.items())
        if isinstance(node, dict)
    }


def read_fields_v1(tree: Any) -> FieldSet:
    """Return the set in a FieldsV1 tree; ValueError if the tree is malformed."""
    return frozenset(_read(tree, ()))


def _read(tree: Any, path: Path) -> Iterator[Path]:
    if not isinstance(tree, dict):
        raise ValueError("fieldsV1 is not an object")
    if path and (not tree or _SELF in tree):
        yield path
    for element, inner in tree.items():
        if element != _SELF:
            if element[:2] not in (FIELD, _KEY, _VALUE, _INDEX):
                raise ValueError(f"unable to parse path element {element}")
            yield from _read(inner, (*path, element))


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
