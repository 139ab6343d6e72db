"""The fields of Kubernetes' Go structs: protobuf number, pointer or value, and whether JSON omits them when empty.

``protobuf`` and ``apply`` need this, and JSON schemas do not have it. The table is derived from k8s.io/api and
k8s.io/apimachinery (see NOTICE); it is read on first use.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple


class GoField(NamedTuple):
    """One field of a struct. ``name`` is its name in JSON, "" for an embedded struct.

    ``type`` is a struct's name such as ``core.v1.ServicePort``, or a scalar: ``string``, ``boolean``, ``int32``,
    ``int64``, ``double``, ``byte``, ``Time``, ``MicroTime``, ``Quantity``, ``IntOrString``, ``any``. ``shape`` is ""
    for one value of the type.
    """

    name: str
    type: str
    shape: Literal["", "list", "map"]
    is_pointer: bool
    is_omitted_when_empty: bool

    @property
    def is_struct(self) -> bool:
        """Tell whether the type is a struct in the table."""
        return "." in self.type


@cache
def fields_of(name: str) -> dict[int, GoField]:
    """Return the fields of a struct by their numbers; KeyError for an unknown struct."""
    fields = {}
    for line in _table()["types"][name]:
        number, field, text = line.split(" ")
        fields[int(number)] = _parse("" if field == "-" else field, text)
    return fields


def struct_for(api_version: str, kind: str) -> str | None:
    """Return the name of a kind's struct, None for an unknown kind; DeleteOptions have every group and version."""
    kinds: dict[str, str] = _table()["kinds"]
    return kinds.get(f"{api_version}/{kind}") or kinds.get(f"*/{kind}")


@cache
def json_fields(name: str) -> dict[str, GoField]:
    """Return the fields of a struct by their names in JSON, including those of embedded structs."""
    fields: dict[str, GoField] = {}
    for field in fields_of(name).values():
        fields |= {field.name: field} if field.name else json_fields(field.type)
    return fields


@cache
def always_present(name: str) -> dict[str, Any]:
    """Return the fields that an empty struct has in JSON, with their empty values."""
    present: dict[str, Any] = {}
    for field in json_fields(name).values():
        is_value = not field.is_pointer and not field.shape and (name, field.name) not in _OMITTED_WHEN_ZERO
        if is_value and (field.is_struct or field.type in _GO_STRUCTS or not field.is_omitted_when_empty):
            present[field.name] = {} if field.is_struct else _ZEROS.get(field.type)
        elif not field.is_omitted_when_empty:
            present[field.name] = None
    return present


_GO_STRUCTS = frozenset(("Time", "MicroTime", "Quantity", "IntOrString"))
"""Scalars in JSON that are structs in Go, which omitempty does not omit."""

_OMITTED_WHEN_ZERO = frozenset((("apis.meta.v1.ObjectMeta", "creationTimestamp"),))
"""The fields of Kubernetes' structs that have the tag ``omitzero``, which omits an empty struct."""

_ZEROS: dict[str, Any] = {"string": "", "boolean": False, "int32": 0, "int64": 0, "Quantity": "0", "IntOrString": 0}


def _parse(name: str, text: str) -> GoField:
    is_omitted = text.endswith("?")
    text = text.removesuffix("?")
    if text.startswith("[]"):
        return GoField(name, text[2:], "list", False, is_omitted)
    if text.startswith("{}"):
        return GoField(name, text[2:], "map", False, is_omitted)
    return GoField(name, text.removeprefix("*"), "", text.startswith("*"), is_omitted)


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("gotypes.json").read_bytes())
    return table


UNIONS = frozenset(f"apiextensions.v1.JSONSchemaPropsOr{each}" for each in ("Array", "Bool", "StringArray"))
"""Structs that write themselves as one of their fields."""


def united(fields: dict[str, Any]) -> Any:
    """Return the JSON of a union, given its fields in Go: a schema, a list, or a boolean."""
    for each in ("schema", "jSONSchemas", "property"):
        if each in fields:
            return fields[each]
    return bool(fields.get("allows"))
