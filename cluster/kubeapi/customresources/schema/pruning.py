"""What an object loses by its structural schema: unknown fields, nulls that mean nothing, metadata that is malformed.

Follows apiextensions-apiserver ``apiserver/schema/pruning``, ``schema/defaulting`` and ``schema/objectmeta``. All work
is in place; the paths of what was dropped are as in strict decoding's messages. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubeapi.meta import JSON

EMBEDDED, PRESERVES = "x-kubernetes-embedded-resource", "x-kubernetes-preserve-unknown-fields"
META_FIELDS = ("apiVersion", "kind", "metadata")
"""The fields that every resource has without its schema's saying so."""

ReadMetadata = Callable[[Any, str], tuple[JSON, list[str]]]
"""Returns typed metadata, and the paths of the fields in it that are unknown, given its own path."""


def prune(obj: JSON, schema: JSON) -> list[str]:
    """Drop the fields that the schema of a whole resource does not have; return their paths, sorted."""
    unknown: list[str] = []
    _prune_map(obj, {**schema, EMBEDDED: True}, "", unknown)
    return sorted(unknown)


def _prune(value: Any, schema: JSON | None, path: str, unknown: list[str]) -> None:
    if isinstance(value, dict):
        _prune_map(value, schema, path, unknown)
    elif isinstance(value, list):
        items = items_of(schema)
        if schema is not None and schema.get(PRESERVES):
            if items is None:
                return
            items = {**items, PRESERVES: True}
        for index, each in enumerate(value):
            _prune(each, items, f"{path}[{index}]", unknown)


def _prune_map(value: JSON, schema: JSON | None, path: str, unknown: list[str]) -> None:
    keeps = schema is not None and bool(schema.get(PRESERVES))
    is_resource = schema is not None and bool(schema.get(EMBEDDED))
    properties = {} if schema is None else schema.get("properties", {})
    has_more, more = additional_of(schema)
    for name in list(value):
        if is_resource and name in META_FIELDS:
            continue
        below = f"{path}.{name}" if path else name
        if name in properties:
            _prune(value[name], properties[name], below, unknown)
        elif has_more:
            _prune(value[name], more, below, unknown)
        elif not keeps:
            unknown.append(below)
            del value[name]


def items_of(schema: JSON | None) -> JSON | None:
    """Return the schema of a list's items, None if there is none."""
    items = None if schema is None else schema.get("items")
    return items if isinstance(items, dict) else None


def additional_of(schema: JSON | None) -> tuple[bool, JSON | None]:
    """Tell whether a map may have any keys, and return the schema of their values, None if it says nothing of them."""
    more = None if schema is None else schema.get("additionalProperties")
    return bool(more is True or isinstance(more, dict)), more if isinstance(more, dict) else None


def drop_nulls(value: Any, schema: JSON | None) -> None:
    """Drop the nulls of fields that are not nullable and have no default (PruneNonNullableNullsWithoutDefaults)."""
    if isinstance(value, dict):
        for name in list(value):
            below = field_of(schema, name)
            if value[name] is None and below is not None and not below.get("nullable") and "default" not in below:
                del value[name]
            else:
                drop_nulls(value[name], below)
    elif isinstance(value, list):
        items = items_of(schema)
        for each in value:
            drop_nulls(each, items)


def field_of(schema: JSON | None, name: str) -> JSON | None:
    """Return the schema of a field, None if nothing is known of it."""
    if schema is None:
        return None
    if name in schema.get("properties", {}):
        found: JSON = schema["properties"][name]
        return found
    return additional_of(schema)[1]


def coerce_embedded(value: Any, schema: JSON | None, read_metadata: ReadMetadata, path: str = "") -> list[str]:
    """Type the metadata of embedded resources; return the paths of the unknown fields in them. ValueError."""
    if schema is None:
        return []
    unknown: list[str] = []
    if isinstance(value, dict):
        if schema.get(EMBEDDED) and isinstance(value.get("metadata"), dict):
            where = f"{path}.metadata" if path else "metadata"
            value["metadata"], found = read_metadata(value["metadata"], where)
            unknown += found
        for name, each in value.items():
            below = f"{path}.{name}" if path else name
            unknown += coerce_embedded(each, field_of(schema, name), read_metadata, below)
    elif isinstance(value, list):
        items = items_of(schema)
        for index, each in enumerate(value):
            unknown += coerce_embedded(each, items, read_metadata, f"{path}[{index}]")
    return unknown
