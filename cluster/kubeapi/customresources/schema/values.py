"""JSON values as Go sees them in custom resources: their types, and numbers as text. Pure."""

from __future__ import annotations

import json
from typing import Any

INT_OR_STRING = "x-kubernetes-int-or-string"
"""The extension of a schema that is of an integer or a string."""

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}


def json_type(value: Any) -> str:
    """Return the JSON schema type of a value."""
    return next((name for kind, name in _TYPES.items() if isinstance(value, kind)), "null")


def go_number(value: Any) -> str:
    """Return a number as Go's %v prints it, anything else as JSON."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return a copy of a JSON value to be changed; whole numbers are integers, as Go writes them."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value
