"""How Kubernetes' Go structs are laid out: number on the wire, pointer or value, left out of JSON when empty or not.

JSON schemas do not say these things, and two readers need them: ``protobuf`` and ``apply``. The table is
derived from k8s.io/api and k8s.io/apimachinery (see NOTICE); it is read on first use. Decides nothing.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple


class GoField(NamedTuple):
    """One field of a struct. ``name`` is JSON's, "" for a struct whose fields lie within its owner's.

    ``type`` is a struct's name such as ``core.v1.ServicePort``, or a scalar: ``string``, ``boolean``, ``int32``,
    ``int64``, ``byte``, ``Time``, ``MicroTime``, ``Quantity``, ``IntOrString``, ``any``; ``shape`` tells whether there
    is one value of it, a list, or a map from strings.
    """

    name: str
    type: str
    shape: Literal["", "list", "map"]
    is_pointer: bool
    is_omitted_when_empty: bool

    @property
    def is_struct(self) -> bool:
        """Tell whether the type is one that the table describes."""
        return "." in self.type


@cache
def fields_of(name: str) -> dict[int, GoField]:
    """Return the fields of a struct by their numbers; KeyError if the table has no such struct."""
    fields = {}
    for line in _table()["types"][name]:
        number, field, text = line.split(" ")
        fields[int(number)] = _parse("" if field == "-" else field, text)
    return fields


def struct_for(api_version: str, kind: str) -> str | None:
    """Return the name of a kind's struct; DeleteOptions are of every group and version."""
    kinds: dict[str, str] = _table()["kinds"]
    return kinds.get(f"{api_version}/{kind}") or kinds.get(f"*/{kind}")


@cache
def json_fields(name: str) -> dict[str, GoField]:
    """Return the fields of a struct by their names in JSON, those of the structs that lie within it included."""
    fields: dict[str, GoField] = {}
    for field in fields_of(name).values():
        fields |= {field.name: field} if field.name else json_fields(field.type)
    return fields


@cache
def always_present(name: str) -> dict[str, Any]:
    """Return the fields that JSON has even of an empty struct, with their empty values."""
    present: dict[str, Any] = {}
    for field in json_fields(name).values():
        is_value = not field.is_pointer and not field.shape
        if is_value and (field.is_struct or field.type in _GO_STRUCTS or not field.is_omitted_when_empty):
            present[field.name] = {} if field.is_struct else _ZEROS.get(field.type)
        elif not field.is_omitted_when_empty:
            present[field.name] = None
    return present


_GO_STRUCTS = frozenset(("Time", "MicroTime", "Quantity", "IntOrString"))
"""Scalars of JSON that are structs in Go, which omitempty never leaves out."""

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
