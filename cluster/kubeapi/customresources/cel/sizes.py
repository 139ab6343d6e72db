"""How large values of a schema may be: by its limits, or by that of a request (apiserver ``pkg/cel/common``). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubeapi.cel.cost.expression import Sizes
from kubeapi.cel.cost.values import Path
from kubeapi.customresources.cel.types import escaped, with_metadata
from kubeapi.customresources.schema.pruning import EMBEDDED
from kubeapi.customresources.schema.values import INT_OR_STRING
from kubeapi.meta import JSON

REQUEST_BYTES = 3 * 1024 * 1024
"""The size of the largest request."""
_INSIDE = REQUEST_BYTES - 2
"""Without the quotes or brackets of the whole."""
_RUNE_BYTES = 4
_TIMES = {"duration": (32, 3), "date": (12, 12), "date-time": (32, 21)}
"""The greatest size of a text and the least one of its JSON, by its format."""
_LEAST = {"boolean": 4, "number": 1, "integer": 1}


class Declared(NamedTuple):
    """What is declared of a value: its greatest ``size``, and the ``least`` bytes of its JSON."""

    size: int
    least: int
    fields: Mapping[str, Declared] = {}
    inner: Declared | None = None
    """Of a list or a map."""
    is_map: bool = False


_KEY = Declared(0, 2)


def declared(schema: JSON, *, is_resource: bool) -> Declared | None:
    """Return what a schema declares; None if expressions do not see its values."""
    if schema.get(INT_OR_STRING):
        return Declared(_length(schema), 1)
    if is_resource:
        schema = with_metadata(schema)
    kind = schema.get("type", "")
    if kind == "array":
        inner = _inner(schema.get("items"))
        size = None if inner is None else schema.get("maxItems", _INSIDE // (inner.least + 1))
        return None if inner is None or size is None else Declared(max(size, 0), 2, {}, inner)
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        inner = _inner(schema["additionalProperties"])
        size = None if inner is None else schema.get("maxProperties", _INSIDE // (inner.least + 6))
        return None if inner is None or size is None else Declared(max(size, 0), 2, {}, inner, is_map=True)
    if kind == "object":
        return _object(schema)
    if kind == "string":
        return _text(schema)
    return Declared(0, _LEAST[kind]) if kind in _LEAST else None


def _inner(schema: JSON | None) -> Declared | None:
    return None if schema is None else declared(schema, is_resource=bool(schema.get(EMBEDDED)))


def _object(schema: JSON) -> Declared:
    fields, least, required = {}, 2, schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        inner = _inner(each)
        if inner is None:
            continue
        if shown := escaped(name):
            fields[shown] = inner
        if name in required and each.get("default") is None:
            least += len(name) + inner.least + 4
    return Declared(0, least, fields)


def _text(schema: JSON) -> Declared:
    name = schema.get("format", "")
    if name in _TIMES:
        return Declared(*_TIMES[name])
    if name == "byte":
        return Declared(max(schema.get("maxLength", _INSIDE), 0), 2)
    if "maxLength" not in schema and schema.get("enum"):
        return Declared(max((len(each.encode()) for each in schema["enum"] if isinstance(each, str)), default=0), 2)
    return Declared(_length(schema), 2)


def _length(schema: JSON) -> int:
    return max(schema["maxLength"], 0) * _RUNE_BYTES if "maxLength" in schema else _INSIDE


def sizes_of(root: Declared) -> Sizes:
    """Return what finds the greatest size of a value at a path below ``self`` or ``oldSelf``."""

    def size(path: Path) -> int | None:
        found: Declared | None = root
        for step in path[1:]:
            found = _below(found, step) if found is not None else None
        return found.size if found is not None else None

    return size


def _below(value: Declared, step: str) -> Declared | None:
    if step in ("@items", "@values"):
        return value.inner
    if step == "@keys":
        return _KEY if value.is_map else None
    return value.fields.get(step)
