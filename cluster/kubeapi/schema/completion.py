"""The fields that JSON has of an object though nobody gave them, because Go writes them even if they are empty."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.schema import struct, struct_name
from kubeapi.scheme import Resource


def complete(resource: Resource, obj: JSON) -> None:
    """Add, in place, the fields that JSON has of such an object though nobody gave them: ``conditions: {}``."""
    _complete(_completion(struct_name(resource)), obj)


class _Completion(NamedTuple):
    """How an object of a struct is completed: its ``present`` fields, and those with structs that have some."""

    present: tuple[tuple[str, Any], ...]
    inner: tuple[tuple[str, _Completion], ...]


_RECURSIVE = "apiextensions.v1.JSONSchemaProps"
"""The one struct that contains itself; Go writes none of its empty fields."""


@cache
def _completion(name: str) -> _Completion:
    """Return what a struct is completed with."""
    inner = []
    for field, kind in struct(name).fields.items() if name != _RECURSIVE else ():
        while kind.element is not None:
            kind = kind.element
        if kind.kind == "struct" and any(below := _completion(kind.name)):
            inner.append((field, below))
    return _Completion(tuple(struct(name).present.items()), tuple(inner))


def _complete(wanted: _Completion, obj: JSON) -> None:
    present, inner = wanted
    for field, zero in present:
        if field not in obj:
            obj[field] = {} if zero == {} else zero
    for field, below in inner:
        value = obj.get(field)
        if type(value) is dict:
            _complete(below, value)
        elif value:
            for each in value:
                _complete(below, each)
