"""Values of JSON in patches: whether two are the same, and how deep one is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubeapi.serialization.gojson import MAX_DEPTH


def is_same(one: Any, other: Any) -> bool:
    """Tell whether a value of the document is written as one of the patch: true is not 1, and neither is 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_same(*pair) for pair in zip(one, other, strict=True))
    if isinstance(other, float) and other.is_integer():
        return False  # a document has such a number without a fraction
    return bool(one == other and isinstance(one, bool) == isinstance(other, bool))


def is_too_deep(value: Any) -> bool:
    """Tell whether copies have made a document deeper than a body may be."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for each in level if isinstance(each, (dict, list)) for item in _items(each)]
        if not level:
            return False
    return True


def _items(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value
