"""Values that expressions have made, as JSON (apiserver ``pkg/cel/mutation/dynamic``). Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from kubeapi.cel.library.moments import duration_text, timestamp_text
from kubeapi.cel.values import Duration, Timestamp, Typed


class ValueFault(Exception):
    """A value that no object can have; the text is the API server's."""


def as_json(value: Any) -> Any:
    """Return a value as JSON; ValueFault for what JSON has not."""
    match value:
        case None | bool() | str() | float():
            return value
        case int():
            return int(value)
        case list():
            return [as_json(each) for each in value]
        case dict():
            return {_key(name): as_json(each) for name, each in value.items()}
        case bytes() | Timestamp() | Duration():
            return _text(value)
    raise ValueFault(f"JSONPath valueExpression evaluated to a type that could not marshal to JSON: {value}")


def _text(value: bytes | Timestamp | Duration) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return timestamp_text(value) if isinstance(value, Timestamp) else duration_text(value)


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise ValueFault(f'map key "{name}" is of type {type(name).__name__}, not string')
    return name


def check_type_names(value: Any, path: str) -> None:
    """Raise ValueFault if an object inside an object is not of the type that its path names."""
    if faults := list(_mismatches(value, path)):
        joined = "\n".join(faults)
        raise ValueFault(f"type mismatch: {joined}")


def _mismatches(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Typed):
        if value.type_name != path:
            which = f"expected {_quoted(path)}, which matches field name path from root Object type"
            yield f"unexpected type name {_quoted(value.type_name)}, {which}"
        for name, each in value.items():
            yield from _mismatches(each, f"{path}.{name}")
    elif isinstance(value, list | dict):
        for each in value if isinstance(value, list) else value.values():
            yield from _mismatches(each, path)


def _quoted(text: str) -> str:
    return f'"{text}"'
