"""The types of custom resources, for server-side apply: from their structural schemas. Pure.

Follows apiextensions-apiserver ``controller/openapi`` and structured-merge-diff ``schema``: a list is atomic unless it
says otherwise, and what the schema does not name is typed by its values.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from kubeapi.customresources.resource import CustomResource, Definition
from kubeapi.customresources.schema.pruning import EMBEDDED, PRESERVES, items_of
from kubeapi.customresources.schema.values import INT_OR_STRING
from kubeapi.meta import JSON
from kubeapi.schema import struct_name
from kubeapi.scheme import Resource
from kubeapiserver.apply.fieldpath import FIELD
from kubeapiserver.apply.typed import LEAF, Atom, atom_of

_METADATA = "apis.meta.v1.ObjectMeta"
_SCALARS = {"string": "string", "integer": "int64", "number": "number", "boolean": "boolean"}


def root_atom(resource: Resource) -> Atom:
    """Return the type of a resource's objects."""
    if isinstance(resource, CustomResource):
        return _root(resource.definition)
    return atom_of(struct_name(resource))


@lru_cache(maxsize=256)
def _root(definition: Definition) -> Atom:
    return replace(_struct({**definition.schema, EMBEDDED: True}), always={"metadata": {}})


def _deduced() -> Atom:
    """Return the type of values of which nothing is known: their maps are granular, their lists atomic."""
    atom = Atom("deduced", scalar="any")
    object.__setattr__(atom, "element", atom)
    return atom


_DEDUCED = _deduced()


def _atom(schema: JSON) -> Atom:
    kind = schema.get("type", "")
    if schema.get(INT_OR_STRING) or schema.get("x-kubernetes-map-type") == "atomic":
        return LEAF
    if kind == "array":
        return _list(schema)
    if kind == "object" or schema.get("properties"):
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            return Atom("map", element=_atom(more))
        return _struct(schema) if schema.get("properties") or schema.get(EMBEDDED) else _DEDUCED
    return Atom("leaf", scalar=_SCALARS[kind]) if kind in _SCALARS else _DEDUCED


def _list(schema: JSON) -> Atom:
    items, list_type = items_of(schema), schema.get("x-kubernetes-list-type")
    if items is None or list_type not in ("set", "map"):
        return LEAF
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ())) if list_type == "map" else ()
    return Atom("list", element=_atom(items), keys=keys)


def _struct(schema: JSON) -> Atom:
    fields = {name: _atom(each) for name, each in schema.get("properties", {}).items()}
    if schema.get(EMBEDDED):
        text = Atom("leaf", scalar="string")
        fields |= {"apiVersion": text, "kind": text, "metadata": atom_of(_METADATA)}
    elements = {each: (FIELD + each, atom) for each, atom in fields.items()}
    return Atom("struct", fields, _DEDUCED if schema.get(PRESERVES) else None, elements=elements)
