"""Schemas of custom resources as types of CEL, and objects as its values (apiserver ``pkg/cel/common``). Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.library.moments import read_duration, read_timestamp
from kubeapi.cel.types import BOOL, BYTES, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, Type, list_of, map_of, struct
from kubeapi.cel.values import KeyedList, SetList
from kubeapi.customresources.schema.pruning import EMBEDDED
from kubeapi.customresources.schema.values import INT_OR_STRING
from kubeapi.meta import JSON

_SCALARS = {"boolean": BOOL, "number": DOUBLE, "integer": INT, "string": STRING}
_FORMATS = {"byte": BYTES, "duration": DURATION, "date": TIMESTAMP, "date-time": TIMESTAMP}
RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
"""Words of the language, which are names of fields, too."""
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_TEXT: JSON = {"type": "string"}
_ROOT: JSON = {"name": _TEXT, "generateName": _TEXT}


def escaped(name: str) -> str:
    """Return the name that a field has in expressions, "" if it has none."""
    if name in RESERVED:
        return f"__{name}__"
    if not name or name[0].isdigit() or re.search(r"[^a-zA-Z0-9\-./_]", name):
        return ""
    return re.sub(r"__|[-./]", lambda found: _ESCAPES[found[0]], name)


def with_metadata(schema: JSON) -> JSON:
    """Return the schema of a whole resource with the fields that every resource shows to expressions."""
    properties = schema.get("properties", {})
    metadata = {"type": "object", "properties": _ROOT}
    return {**schema, "properties": {**properties, "apiVersion": _TEXT, "kind": _TEXT, "metadata": metadata}}


class DeclaredTypes:
    """The types of a schema: ``root`` is None if expressions cannot see values of it."""

    def __init__(self, schema: JSON, *, is_resource: bool) -> None:
        self._fields: dict[str, dict[str, Type]] = {}
        self.root = self._declare(schema, "selfType", is_resource=is_resource)

    def field_type(self, type_name: str, name: str) -> Type | None:
        """Return the type of a field, None if there is no such field."""
        return self._fields.get(type_name, {}).get(escaped(name) if name in RESERVED else name)

    def _declare(self, schema: JSON, name: str, *, is_resource: bool) -> Type | None:
        if schema.get(INT_OR_STRING):
            return DYN
        if is_resource:
            schema = with_metadata(schema)
        kind = schema.get("type", "")
        if kind == "array":
            item = self._inner(schema.get("items"), f"{name}.@idx")
            return None if item is None else list_of(item)
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            value = self._inner(schema["additionalProperties"], f"{name}.@elem")
            return None if value is None else map_of(STRING, value)
        if kind == "object":
            self._fields[name] = dict(self._properties(schema, name))
            return struct(name)
        return _FORMATS.get(schema.get("format", ""), STRING) if kind == "string" else _SCALARS.get(kind)

    def _inner(self, schema: JSON | None, name: str) -> Type | None:
        return None if schema is None else self._declare(schema, name, is_resource=bool(schema.get(EMBEDDED)))

    def _properties(self, schema: JSON, name: str) -> Iterator[tuple[str, Type]]:
        for field, each in schema.get("properties", {}).items():
            declared, shown = self._inner(each, f"{name}.{field}"), escaped(field)
            if declared is not None and shown:
                yield shown, declared


def to_value(value: Any, schema: JSON, *, is_resource: bool = False) -> Any:
    """Return a value of a schema as expressions see it; an EvaluationError in place of what cannot be shown."""
    if value is None and not schema.get("nullable"):
        return EvaluationError("invalid data, got null for schema with nullable=false")
    kind = "" if schema.get(INT_OR_STRING) else schema.get("type", "")
    if kind == "object" and isinstance(value, dict):
        return _object(value, with_metadata(schema) if is_resource or schema.get(EMBEDDED) else schema)
    if kind == "array" and isinstance(value, list):
        return _list(value, schema)
    if kind == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind == "string" and isinstance(value, str) and schema.get("format") in _FORMATS:
        return _formatted(value, schema["format"])
    return value


def _object(value: JSON, schema: JSON) -> JSON:
    more, properties = schema.get("additionalProperties"), schema.get("properties")
    if isinstance(more, dict) and not properties:
        return {name: to_value(each, more) for name, each in value.items()}
    if not properties:
        return value
    shown = {name: to_value(value[name], properties[name]) for name in properties if value.get(name) is not None}
    words = {name: each for name, each in shown.items() if name in RESERVED}  # which have two names
    return {escaped(name): each for name, each in shown.items()} | words


def _list(value: list[Any], schema: JSON) -> list[Any]:
    items = [to_value(each, schema.get("items", {})) for each in value]
    kind = schema.get("x-kubernetes-list-type")
    if kind == "map":
        keyed = KeyedList(items)
        keyed.keys = tuple(map(escaped, schema.get("x-kubernetes-list-map-keys", ())))
        return keyed
    return SetList(items) if kind == "set" else items


def _formatted(text: str, name: str) -> Any:
    try:
        if name == "byte":
            return base64.b64decode(text, validate=True)
        if name == "duration":
            return read_duration(text)
        return read_timestamp(text if name == "date-time" else f"{text}T00:00:00Z")
    except (EvaluationError, binascii.Error) as error:
        return EvaluationError(f"Invalid {name} formatted string {text}: {error}")
