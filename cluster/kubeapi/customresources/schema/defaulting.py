"""The defaults of a structural schema. Follows apiextensions-apiserver ``apiserver/schema/defaulting``. Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.customresources.schema.pruning import additional_of, items_of
from kubeapi.meta import JSON, copy_object


def set_defaults(value: Any, schema: JSON | None) -> None:
    """Fill in, in place, what the schema has a default for; null is replaced where it is not allowed."""
    if schema is None:
        return
    if isinstance(value, dict):
        _default_map(value, schema)
    elif isinstance(value, list):
        items = items_of(schema)
        for index, each in enumerate(value):
            if _is_missing(each, items):
                value[index] = _default_of(items)
            set_defaults(value[index], items)


def _default_map(value: JSON, schema: JSON) -> None:
    properties = schema.get("properties", {})
    for name, below in properties.items():
        if (
            "default" in below
            and below["default"] is not None
            and (name not in value or _is_missing(value[name], below))
        ):
            value[name] = _default_of(below)
    more = additional_of(schema)[1]
    for name, each in value.items():
        if name in properties:
            set_defaults(each, properties[name])
        elif more is not None:
            if _is_missing(each, more):
                value[name] = _default_of(more)
            set_defaults(value[name], more)


def _is_missing(value: Any, schema: JSON | None) -> bool:
    """Tell whether a value is a null that the schema does not allow."""
    return value is None and schema is not None and not schema.get("nullable")


def _default_of(schema: JSON | None) -> Any:
    default = None if schema is None else schema.get("default")
    return copy_object({"": default})[""]


def has_defaults(schema: Any) -> bool:
    """Tell whether a schema, or one inside it, has a default."""
    if isinstance(schema, dict):
        if schema.get("default") is not None:
            return True
        inner = [schema.get("items"), schema.get("additionalProperties"), *schema.get("properties", {}).values()]
        return any(map(has_defaults, inner))
    return False
