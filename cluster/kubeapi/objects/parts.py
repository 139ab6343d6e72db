"""Parts of an object that may be absent: an absent or null part is read as an empty one.

The parts belong to the object: do not change them. Follows k8s.io/apimachinery ``unstructured`` (NestedMap,
NestedSlice).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.meta import JSON


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
