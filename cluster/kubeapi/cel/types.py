"""The types of expressions, and how errors write them (cel-go ``common/types`` and ``checker/format.go``). Pure."""

from __future__ import annotations

from typing import NamedTuple


class Type(NamedTuple):
    """A type. ``kind`` is what decides about assignment, ``name`` tells types of one kind apart.

    Kinds: those of the scalars (``int``, ``string``, ...), ``dyn``, ``error``, ``type``, ``list``, ``map``, ``struct``
    (an object type, whose fields an ``ObjectTypes`` knows), ``opaque`` and ``param`` (a variable of a signature).
    """

    kind: str
    name: str
    params: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if not self.params:
            return _SHORT.get(self.name, self.name)
        return f"{self.name}({', '.join(map(str, self.params))})"


_SHORT = {
    "google.protobuf.Duration": "duration",
    "google.protobuf.Timestamp": "timestamp",
    "null_type": "null",
}

BOOL = Type("bool", "bool")
BYTES = Type("bytes", "bytes")
DOUBLE = Type("double", "double")
DURATION = Type("duration", "google.protobuf.Duration")
DYN = Type("dyn", "dyn")
ERROR = Type("error", "!error!")
INT = Type("int", "int")
NULL = Type("null", "null_type")
STRING = Type("string", "string")
TIMESTAMP = Type("timestamp", "google.protobuf.Timestamp")
TYPE = Type("type", "type")
UINT = Type("uint", "uint")

SCALARS = {str(each): each for each in (BOOL, BYTES, DOUBLE, DURATION, DYN, INT, NULL, STRING, TIMESTAMP, TYPE, UINT)}
OPTIONAL = "optional_type"


def list_of(item: Type) -> Type:
    """Return the type of lists."""
    return Type("list", "list", (item,))


def map_of(key: Type, value: Type) -> Type:
    """Return the type of maps."""
    return Type("map", "map", (key, value))


def type_of(of: Type) -> Type:
    """Return the type of a type."""
    return Type("type", "type", (of,))


def optional_of(of: Type) -> Type:
    """Return the type of optional values."""
    return Type("opaque", OPTIONAL, (of,))


def struct(name: str) -> Type:
    """Return an object type."""
    return Type("struct", name)


def param(name: str) -> Type:
    """Return a variable of a signature."""
    return Type("param", name)


def is_dyn_or_error(of: Type) -> bool:
    """Tell whether nothing is known about values of a type."""
    return of.kind in ("dyn", "error")


def unwrapped(of: Type) -> tuple[Type, bool]:
    """Return what an optional type has, and whether it is optional."""
    return (of.params[0], True) if of.name == OPTIONAL and of.kind == "opaque" else (of, False)
