"""The tables of custom resources: the columns that their definitions name, by JSONPath. Pure.

Follows apiextensions-apiserver ``registry/customresource/tableconvertor``. A path that leads nowhere shows nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from kubeapi.customresources.jsonpath import JSONPathError, parse_path
from kubeapi.customresources.resource import CustomResource, Definition
from kubeapi.customresources.schema.values import go_number
from kubeapi.meta import JSON
from kubeapiserver.tables.columns import NAME, Column, Row, Table
from kubeapiserver.tables.texts import since

_AGE: JSON = {
    "name": "Age",
    "type": "date",
    "jsonPath": ".metadata.creationTimestamp",
    "description": "CreationTimestamp is a timestamp representing the server time when this object was created. It is"
    " not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It"
    " is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info:"
    " https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
}
"""The column of a definition that names none."""
_NAME = replace(
    NAME,
    description="Name must be unique within a namespace. Is required when creating resources, although some resources"
    " may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for"
    " creation idempotence and configuration definition. Cannot be updated. More info:"
    " https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
)


def custom_table(resource: CustomResource) -> Table[Any]:
    """Return how the objects of a version of a custom kind are shown."""
    return _table(resource, resource.definition)


@lru_cache(maxsize=256)  # by the definition's identity: resources are equal whatever their definitions are
def _table(resource: CustomResource, definition: Definition) -> Table[Any]:
    named = definition.version.get("additionalPrinterColumns") or [_AGE]
    return Table(resource, (_NAME, *map(_column, named)))


def _column(column: JSON) -> Column[Any]:
    path, kind = column["jsonPath"], column["type"]
    described = column.get("description") or f"Custom resource definition column (in JSONPath format): {path}"
    try:
        find = parse_path(path)
    except JSONPathError:
        find = _nothing
    cell = partial(_cell, find, kind)
    return Column(column["name"], cell, kind, column.get("priority", 0), column.get("format", ""), described)


def _nothing(value: Any) -> list[Any]:
    return []


def _cell(find: Callable[[Any], list[Any]], kind: str, row: Row) -> Any:
    found = find(row.object)
    value = found[0] if found else None
    if value is None:
        return "<nil>" if found and kind == "string" else None
    is_number = type(value) in (int, float)
    match kind:
        case "string":
            return _text(value)
        case "integer":
            return int(value) if is_number else None
        case "number":
            return value if is_number else None
        case "boolean":
            return value if isinstance(value, bool) else None
    return _date(value, row.now) if isinstance(value, str) else None


def _text(value: Any) -> str:
    """Return a value as client-go's JSONPath prints it."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return go_number(value)


def _date(value: str, now: float) -> str:
    shown = since(value, now)
    return "<invalid>" if shown == "<unknown>" and value else shown
