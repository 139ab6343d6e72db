"""Which fields Kubernetes' objects have, of what type, and how a patch merges them.

Read from files derived from Kubernetes' own OpenAPI definitions (see NOTICE). ``struct_of`` reads the small structure
file (well under a millisecond, on first use), ``definitions`` the full text, which only ``explain`` and OpenAPI need.
Objects are checked by ``decoding`` and ``validation``.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from kubeapi.scheme import Resource


class FieldType(NamedTuple):
    """The type of a field.

    ``kind`` is ``list``, ``map``, ``struct`` or a scalar: ``string``, ``boolean``, ``int32``, ``int64``, ``byte``
    (base64), ``double``, ``Time``, ``MicroTime``, ``Quantity``, ``IntOrString``, ``any``, and the unions of a
    CustomResourceDefinition's schemas: ``SchemaOrArray``, ``SchemaOrBool``, ``SchemaOrStrings``. ``name`` is the
    struct's, ``element`` the type of a list's items or a map's values.
    """

    kind: str
    name: str = ""
    element: FieldType | None = None

    @property
    def go(self) -> str:
        """The type as Go prints it, which error messages show: ``[]v1.ServicePort``."""
        match self.kind:
            case "list":
                return f"[]{self.element.go if self.element else ''}"
            case "map":
                return f"map[string]{self.element.go if self.element else ''}"
            case "struct":
                return ".".join(self.name.split(".")[-2:])
            case "boolean":
                return "bool"
        return self.kind


class Struct(NamedTuple):
    """One definition. ``merge_keys`` names the lists that a patch merges ("" for lists of scalars).

    ``list_keys`` names the lists in which server-side apply owns single items, with the keys that identify them (none
    for a set of scalars); it owns all other lists, the maps in ``atomic`` and atomic structs as a whole. JSON leaves an
    empty field out (Go's omitempty) unless it is one of ``kept`` (a pointer in Go) or of ``present``: these are always
    there, with Go's zero value if the object does not have them.
    """

    name: str
    fields: dict[str, FieldType]
    merge_keys: dict[str, str]
    retain_keys: frozenset[str]
    list_keys: dict[str, tuple[str, ...]]
    atomic: frozenset[str]
    is_atomic: bool
    kept: frozenset[str]
    present: dict[str, Any]

    @property
    def go_name(self) -> str:
        """The struct's name without its package: ``ServicePort``."""
        return self.name.rpartition(".")[2]


def struct_name(resource: Resource) -> str:
    """Return the name of the definition of a resource's objects: ``discovery.v1.EndpointSlice``."""
    package = resource.group.partition(".")[0] or "core"
    return f"{package}.{resource.version}.{resource.kind}"


def struct_of(resource: Resource) -> Struct:
    """Return the definition of a resource's objects."""
    return struct(struct_name(resource))


@cache
def struct(name: str) -> Struct:
    """Return a definition by its name, such as ``core.v1.ServicePort``; LookupError if there is none."""
    definition = _structure().get(name)
    if definition is None:
        raise LookupError(f"no schema for {name}: run `make derive`")
    return Struct(
        name,
        {field: _parse_type(text) for field, text in definition.get("fields", {}).items()},
        definition.get("mergeKeys", {}),
        frozenset(definition.get("retainKeys", ())),
        {field: tuple(keys) for field, keys in definition.get("listKeys", {}).items()},
        frozenset(definition.get("atomic", ())),
        definition.get("isAtomic", False),
        frozenset(definition.get("kept", ())),
        definition.get("present", {}),
    )


@cache
def definitions() -> dict[str, Any]:
    """Return the OpenAPI definitions with descriptions and x-kubernetes-* rules, by full name; takes milliseconds."""
    loaded: dict[str, Any] = json.loads(gzip.decompress(Path(__file__).with_name("definitions.json.gz").read_bytes()))
    return loaded


@cache
def _structure() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("structure.json").read_bytes())
    return loaded


@cache
def _parse_type(text: str) -> FieldType:
    if text.startswith("[]"):
        return FieldType("list", "", _parse_type(text[2:]))
    if text.startswith("{}"):
        return FieldType("map", "", _parse_type(text[2:]))
    return FieldType("struct", text) if "." in text else FieldType(text)
