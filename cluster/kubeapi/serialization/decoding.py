"""Decode an object by its schema: a typed copy of it, and the faults of what has the wrong type or is unknown.

``decode`` never fails: the copy has nothing but known, well-typed fields, so that defaulting and validation may rely on
the types. Nulls count as absent, and so do empty values of the fields that Go leaves out of JSON then. It never judges
what a value means (``validation``). Messages follow encoding/json and sigs.k8s.io/json of the real server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from sys import intern
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.schema import FieldType, Struct, struct, struct_of
from kubeapi.scheme import Resource
from kubeapi.serialization.embedded import with_embedded
from kubeapi.serialization.gojson import RepeatedKeys, go_kind
from kubeapi.serialization.gotime import LAYOUTS, canonical_time
from kubeapi.serialization.quantity import canonical
from kubeapi.serialization.repetition import Path, path_text, repeated, repetition
from kubeapi.serialization.scalars import canonical_base64, scalar_fault
from kubeapi.status import FieldError

UNKNOWN_FIELD = "UnknownField"
"""Reason of a FieldError for a field that the schema does not have."""

TYPE_INVALID = "FieldValueTypeInvalid"
"""Reason of a FieldError for a value of the wrong type (metav1.CauseTypeTypeInvalid)."""

_INTEGER_LIMITS = {"int32": 2**31, "int64": 2**63}
_PYTHON_TYPES = {"string": (str,), "boolean": (bool,), "double": (int, float)}
_SPECIAL = frozenset(("Time", "MicroTime", "Quantity", "IntOrString", "byte"))
_CANONICAL: dict[str, Callable[[str], str | None]] = {
    "Quantity": canonical,
    "byte": canonical_base64,
    **{kind: partial(canonical_time, layout=layout) for kind, layout in LAYOUTS.items()},
}
"""How Go writes again what may be written in several ways."""
_UNIONS = frozenset(("SchemaOrArray", "SchemaOrBool", "SchemaOrStrings"))
_SCHEMA = "apiextensions.v1.JSONSchemaProps"
_REPEATED = frozenset(("apiVersion", "kind", "namespace", "protocol", "addressType", "type", "nodeName", "zone"))
"""Fields with the same few values in thousands of objects."""
_INDEX = re.compile(r"\[[^]]*\]")


class Decoded(NamedTuple):
    """A typed copy of an object, and its faults.

    ``unknown`` has those that only strict decoding refuses: unknown fields and repeated keys.
    """

    object: JSON
    unknown: list[FieldError]
    mistyped: list[FieldError]

    @property
    def told(self) -> str:
        """The fault of type that Go tells: the first that a type's own UnmarshalJSON finds, else the first of all."""
        own = (each for each in self.mistyped if "struct field" not in each.message and "base64" not in each.message)
        return next(own, self.mistyped[0]).message


def decode(resource: Resource, obj: object) -> Decoded:
    """Return a copy of the object with its well-typed fields, and the faults of the others."""
    decoder = _Decoder(struct_of(resource))
    if not isinstance(obj, dict):
        message = f"json: cannot unmarshal {go_kind(obj)} into Go value of type {decoder.root.go_name}"
        return Decoded({}, [], [FieldError(TYPE_INVALID, "", message)])
    return Decoded(decoder.read_struct(decoder.root, obj, None), decoder.unknown, decoder.mistyped)


def decode_struct(name: str, value: object, place: str) -> Decoded:
    """Return a typed copy of a part of an object, by the name of its struct; ``place`` is its path."""
    decoder = _Decoder(struct(name))
    if isinstance(value, dict):
        return Decoded(decoder.read_struct(decoder.root, value, (None, place)), decoder.unknown, decoder.mistyped)
    message = f"json: cannot unmarshal {go_kind(value)} into Go struct field .{place} of type v1.{decoder.root.go_name}"
    return Decoded({}, [], [FieldError(TYPE_INVALID, place, message)])


class _Decoder:
    """One pass over one object; collects faults."""

    def __init__(self, root: Struct) -> None:
        self.root = root
        self.unknown: list[FieldError] = []
        self.mistyped: list[FieldError] = []

    def read_struct(self, known: Struct, value: dict[Any, Any], path: Path) -> JSON:
        result: JSON = {}
        for name, each in value.items() if type(value) is not RepeatedKeys else self._members(value, path):
            field = known.fields.get(name) if type(name) is str else None
            if field is None:
                text = path_text((path, _key_text(name)))
                self.unknown.append(FieldError(UNKNOWN_FIELD, text, f'unknown field "{text}"'))
            elif type(each) is str and field.kind == "string":
                if each or name in known.kept:  # Go's omitempty drops "" unless the field is a pointer
                    result[intern(name)] = _shared(each) if name in _REPEATED else each
            elif each is not None:
                read = self._read(field, each, (path, name), known)
                # Likewise 0, false and empty lists are dropped; omitempty never drops a struct.
                if read or (read is not None and (field.kind == "struct" or name in known.kept)):
                    result[intern(name)] = read
        return result

    def _members(self, value: RepeatedKeys, path: Path) -> Iterator[tuple[Any, Any]]:
        """Yield the members as they are written, and note those that repeat a key in their place."""
        if value.message:
            self.unknown.extend(repeated(value, path))
        seen = set[Any]()
        for name in value.names or value:
            if name in seen:
                self.unknown.append(repetition((path, name)))
            else:
                seen.add(name)
                yield name, value[name]

    def _read(self, field: FieldType, value: Any, path: Path, owner: Struct) -> Any:
        """Return the value as its field's type, None (and a fault) if it has another type."""
        match field.kind:
            case "struct" if isinstance(value, dict):
                return self.read_struct(struct(field.name), value, path)
            case "list" if isinstance(value, list) and field.element:
                return self._read_list(field.element, value, path, owner)
            case "map" if isinstance(value, dict) and field.element:
                return self._read_map(field.element, value, path, owner)
        return self._read_scalar(field, value, path, owner)

    def _read_scalar(self, field: FieldType, value: Any, path: Path, owner: Struct) -> Any:
        if field.kind in _SPECIAL:
            return self._read_special(field, value, path, owner)
        if field.kind in _INTEGER_LIMITS:
            return self._read_integer(field, value, path, owner)
        if field.kind == "any":
            return _plain(value)
        if field.kind in _UNIONS:
            return self._read_union(field, value, path, owner)
        if type(value) in _PYTHON_TYPES.get(field.kind, ()):
            return value
        self._mismatch(field, value, path, owner)
        return None

    def _read_list(self, element: FieldType, values: list[Any], path: Path, owner: Struct) -> list[Any]:
        read = []
        for index, each in enumerate(values):
            item = _zero(element) if each is None else self._read(element, each, (path, index), owner)
            if item is not None:
                read.append(item)
        return read

    def _read_map(self, element: FieldType, values: dict[Any, Any], path: Path, owner: Struct) -> JSON:
        read = {}
        if type(values) is RepeatedKeys:
            self.unknown.extend(repeated(values, path))
        for name, each in values.items():
            key = _shared(_key_text(name))
            item = _zero(element) if each is None else self._read(element, each, (path, f"[{key}]"), owner)
            if item is not None:
                read[key] = item
        return read

    def _read_union(self, field: FieldType, value: Any, path: Path, owner: Struct) -> Any:
        """Return a schema, or what may be in its place; unknown fields in it are dropped and not told of, as in Go."""
        inner = _Decoder(struct(_SCHEMA))
        inner.mistyped = self.mistyped
        if isinstance(value, dict):
            return inner.read_struct(inner.root, value, path)
        if isinstance(value, list) and field.kind != "SchemaOrBool":
            element = FieldType("struct", _SCHEMA) if field.kind == "SchemaOrArray" else FieldType("string")
            return inner._read_list(element, value, path, owner)
        if isinstance(value, bool) and field.kind == "SchemaOrBool":
            return value
        self._mismatch(FieldType("struct", _SCHEMA), value, path, owner)
        return None

    def _read_integer(self, field: FieldType, value: Any, path: Path, owner: Struct) -> int | None:
        if type(value) is float and value.is_integer():
            value = int(value)
        limit = _INTEGER_LIMITS[field.kind]
        if type(value) is int and -limit <= value < limit:
            return value
        self._mismatch(field, value, path, owner)
        return None

    def _read_special(self, field: FieldType, value: Any, path: Path, owner: Struct) -> str | int | None:
        """Return a value of a type with its own UnmarshalJSON in Go, whose error gets the field's name (but bytes')."""
        if type(value) is float and value.is_integer():
            value = int(value)
        fault = scalar_fault(field.kind, value)
        if not fault:
            return _CANONICAL[field.kind](str(value)) if field.kind in _CANONICAL else value
        if field.kind != "byte":
            fault = fault.replace("into Go value", f"into Go struct field {self._place(path, owner)}")
        self.mistyped.append(FieldError(TYPE_INVALID, path_text(path), fault))
        return None

    def _place(self, path: Path, owner: Struct) -> str:
        return f"{owner.go_name}.{with_embedded(self.root.go_name, owner.go_name, _INDEX.sub('', path_text(path)))}"

    def _mismatch(self, field: FieldType, value: Any, path: Path, owner: Struct) -> None:
        where = self._place(path, owner)
        kind = go_kind(value)
        if kind == "number" and field.kind in _INTEGER_LIMITS:
            kind = f"number {value}"
        message = f"json: cannot unmarshal {kind} into Go struct field {where} of type {field.go}"
        self.mistyped.append(FieldError(TYPE_INVALID, path_text(path), message))


def _zero(field: FieldType) -> Any:
    """Return what Go makes of a null in a list or a map."""
    match field.kind:
        case "struct" | "map" | "any":
            return {}
        case "list":
            return []
        case "int32" | "int64" | "IntOrString":
            return 0
        case "boolean":
            return False
        case "Quantity":
            return "0"
    return ""


@lru_cache(maxsize=4096)
def _shared(text: str) -> str:
    """Return the same text object for equal texts: 10,000 objects share their names and words."""
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key_text(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _key_text(name: object) -> str:
    """Return a mapping's key as the conversion of YAML to JSON writes it."""
    if isinstance(name, bool):
        return "true" if name else "false"
    return "null" if name is None else str(name)
