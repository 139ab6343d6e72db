"""Keys that JSON states more than once, and where they are. Pure. Messages follow sigs.k8s.io/json."""

from __future__ import annotations

from typing import Any

from kubeapi.serialization.gojson import RepeatedKeys
from kubeapi.status import FieldError

REPEATED_FIELD = "DuplicateField"
"""Reason of a FieldError for a key that a JSON object states more than once."""

Path = tuple["Path", "str | int"] | None
"""Where a value is: its parent's path and its own name or index; None is the object itself."""


def repeated_keys(value: Any, path: Path = None) -> list[FieldError]:
    """Return a fault for every key that a JSON value states more than once."""
    if isinstance(value, dict):
        own = repeated(value, path) if isinstance(value, RepeatedKeys) else []
        return own + [fault for name, each in value.items() for fault in repeated_keys(each, (path, name))]
    items = enumerate(value) if isinstance(value, list) else ()
    return [fault for index, each in items for fault in repeated_keys(each, (path, index))]


def repeated(value: RepeatedKeys, path: Path) -> list[FieldError]:
    """Return a fault for every key that one JSON object states more than once."""
    if value.message:
        return [FieldError(REPEATED_FIELD, "", value.message)]
    names = value.names
    return [repetition((path, name)) for at, name in enumerate(names) if name in names[:at]]


def repetition(path: Path) -> FieldError:
    """Return the fault of a key that is stated again."""
    text = path_text(path)
    return FieldError(REPEATED_FIELD, text, f'duplicate field "{text}"')


def path_text(path: Path) -> str:
    """Return a path as Kubernetes writes it: ``spec.ports[0].port``."""
    parts: list[str] = []
    while path is not None:
        path, name = path
        parts.append(f"[{name}]" if isinstance(name, int) else name if name.startswith("[") else f".{name}")
    return "".join(reversed(parts)).removeprefix(".")
