"""What ConfigMaps and Secrets have in common: keys, the size of all values, and immutability (pkg/apis/core)."""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, each_invalid, forbidden, too_long
from kubeapi.validation.names import config_key

_SIZE_LIMIT = 1024 * 1024
"""Bytes of all values together (MaxSecretSize)."""


def validate_key(field: str, key: str) -> Faults:
    """Yield the faults of a key of the map ``field``."""
    yield from each_invalid(f"{field}[{key}]", key, config_key(key))


def validate_size(path: str, size: int) -> Faults:
    """Yield a fault, at ``path``, if all values together have too many bytes."""
    if size > _SIZE_LIMIT:
        yield too_long(path, _SIZE_LIMIT)


def validate_immutable(new: JSON, old: JSON, fields: Iterable[str]) -> Faults:
    """Yield a fault for each of ``fields`` that changes in an object that was made immutable."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield forbidden("immutable", "field is immutable when `immutable` is set")
    for field in fields:
        if new.get(field) != old.get(field):
            yield forbidden(field, "field is immutable when `immutable` is set")
