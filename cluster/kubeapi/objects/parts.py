"""Parts of an object that may be absent: an absent or null part is read as an empty one.

The parts belong to the object: do not change them. Follows k8s.io/apimachinery ``unstructured`` (NestedMap,
NestedSlice).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kubeapi.meta import JSON


class Reading:
    """The JSON of an object, or of a part of one, of which each field is read when it is asked for.

    It is not a tuple or a dataclass because thousands are made for each reconcile, and those cost twice as much.
    """

    __slots__ = ("obj",)

    def __init__(self, obj: JSON) -> None:
        self.obj = obj


def spec_of(obj: JSON) -> JSON:
    """Return ``spec``."""
    return obj.get("spec") or {}


def status_of(obj: JSON) -> JSON:
    """Return ``status``."""
    return obj.get("status") or {}


def map_at(obj: JSON, *path: str) -> JSON:
    """Return the map at a path of field names."""
    for name in path:
        obj = obj.get(name) or {}
    return obj


def list_at(obj: JSON, *path: str) -> Sequence[Any]:
    """Return the list at a path of field names."""
    for name in path[:-1]:
        obj = obj.get(name) or {}
    return obj.get(path[-1]) or ()


def value_at(value: Any, path: Iterable[str]) -> Any:
    """Return the value at a path of field names, None if there is none; whatever is on the way need not be a map."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def number_at(part: JSON, name: str, default: int) -> int:
    """Return a number, ``default`` for one that is absent or null."""
    number = part.get(name)
    return default if number is None else int(number)
