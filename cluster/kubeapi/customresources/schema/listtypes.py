"""Items that a list of type ``set`` or ``map`` has twice (apiextensions-apiserver ``schema/listtype``). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kubeapi.customresources.schema.pruning import field_of, items_of
from kubeapi.meta import JSON
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, duplicate, invalid


def validate_lists(value: Any, schema: JSON | None, path: str = "") -> Faults:
    """Yield a fault for every item that may be there only once and is there again."""
    if schema is None:
        return
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, each in value.items():
            below = (f"{path}.{name}" if path else name) if name in properties else f"{path}[{name}]"
            yield from validate_lists(each, field_of(schema, name), below)
    elif isinstance(value, list):
        match schema.get("x-kubernetes-list-type"):
            case "set":
                for index in _repeated(value):
                    yield duplicate(f"{path}[{index}]", value[index])
            case "map":
                yield from _map_faults(value, schema, path)
        for index, each in enumerate(value):
            yield from validate_lists(each, items_of(schema), f"{path}[{index}]")


def _map_faults(items: list[Any], schema: JSON, path: str) -> Iterator[FieldError]:
    for index, each in enumerate(items):
        if each is not None and not isinstance(each, dict):
            yield invalid(f"{path}[{index}]", each, "must be an object for an array of list-type map")
            return
    names = schema.get("x-kubernetes-list-map-keys", ())
    keys = [{name: each[name] for name in names if name in each} if each else {} for each in items]
    for index in _repeated(keys):
        yield duplicate(f"{path}[{index}]", keys[index])


def _repeated(items: list[Any]) -> Iterator[int]:
    """Yield where an item is for the second time."""
    seen: dict[str, int] = {}
    for index, each in enumerate(items):
        text = json.dumps(each, sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            yield index
