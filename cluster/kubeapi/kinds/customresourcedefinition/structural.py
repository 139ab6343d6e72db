"""Why a schema is not structural (apiextensions-apiserver ``apiserver/schema/validation.go``, ``complete.go``). Pure.

The schema is one that decoding has typed; ``items`` may still be a list, which ``schemas`` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from kubeapi.customresources.schema.pruning import EMBEDDED, PRESERVES, items_of
from kubeapi.customresources.schema.values import INT_OR_STRING
from kubeapi.meta import JSON
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, forbidden, invalid, required

_Level = Literal["root", "items", "field"]
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_EMPTY_TYPE = {
    "root": "must not be empty at the root",
    "items": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_JUNCTORS = ("anyOf", "allOf", "oneOf")
_NESTED = {
    "type": "must be empty to be structural",
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    PRESERVES: "must be false to be structural",
    EMBEDDED: "must be false to be structural",
    INT_OR_STRING: "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}
"""What may not be inside a logical junctor, and why."""


def structural_faults(schema: JSON, path: str) -> list[FieldError]:
    """Return why the schema of a resource is not structural, in alphabetical order."""
    return sorted([*_invariants(schema, "root", path), *_completeness(schema, schema, path, path)], key=str)


def _invariants(schema: JSON, level: _Level, path: str) -> Faults:
    items, more, kind = items_of(schema), schema.get("additionalProperties"), schema.get("type", "")
    is_resource = bool(schema.get(EMBEDDED))
    if kind == "array" and items is None:
        yield required(f"{path}.items", "must be specified")
    if items is not None:
        yield from _invariants(items, "items", f"{path}.items")
    for name, each in schema.get("properties", {}).items():
        yield from _invariants(each, "field", f"{path}.properties[{name}]")
    if more is not None and level == "root":
        yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
    if isinstance(more, dict):
        yield from _invariants(more, "field", f"{path}.additionalProperties")
    for extension in (PRESERVES, EMBEDDED):
        if schema.get(INT_OR_STRING) and schema.get(extension):
            yield invalid(f"{path}.{extension}", True, f"must be false if {INT_OR_STRING} is true")
    yield from _value_faults(schema, level, path, _skipped(schema))
    yield from _type_faults(schema, level, path)
    if is_resource and more is not None:
        yield forbidden(f"{path}.additionalProperties", f"must not be used if {EMBEDDED} is set")
    yield from _meta_faults(schema, level, path)
    if is_resource and not schema.get(PRESERVES) and not schema.get("properties"):
        yield required(f"{path}.properties", f"must not be empty if {EMBEDDED} is true without {PRESERVES}")


def _type_faults(schema: JSON, level: _Level, path: str) -> Faults:
    kind, where = schema.get("type", ""), f"{path}.type"
    if schema.get(EMBEDDED) and kind != "object":
        detail = f"must be object if {EMBEDDED} is true"
        yield invalid(where, kind, detail) if kind else required(where, detail)
    elif not kind and not schema.get(INT_OR_STRING) and not schema.get(PRESERVES):
        yield required(where, _EMPTY_TYPE[level])
    if level == "root" and kind not in ("", "object"):
        yield invalid(where, kind, "must be object at the root")


def _meta_faults(schema: JSON, level: _Level, path: str) -> Faults:
    properties, is_resource = schema.get("properties", {}), level == "root" or bool(schema.get(EMBEDDED))
    for name in ("kind", "apiVersion"):
        if is_resource and name in properties and properties[name].get("type") != "string":
            yield invalid(f"{path}.properties[{name}].type", properties[name].get("type", ""), "must be string")
    metadata, where = properties.get("metadata"), f"{path}.properties[metadata]"
    if metadata is None:
        return
    if is_resource and metadata.get("type") != "object":
        yield invalid(f"{where}.type", metadata.get("type", ""), "must be object")
    if level == "root":
        rest = {name: value for name, value in metadata.items() if name not in ("type", "default")}
        if rest.get("properties", {}).keys() <= {"name", "generateName"}:
            rest.pop("properties", None)
        if rest:
            only = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            yield forbidden(where, only)


def _skipped(schema: JSON) -> str:
    """Return the path below a schema of the junctor that only says "integer or string", "" without one."""
    if schema.get("anyOf") == _INT_OR_STRING:
        return "anyOf"
    all_of = schema.get("allOf") or [{}]
    return "allOf[0].anyOf" if all_of[0].get("anyOf") == _INT_OR_STRING else ""


def _value_faults(schema: JSON, level: _Level, path: str, skipped: str = "") -> Faults:
    for junctor in _JUNCTORS:
        for index, each in enumerate(schema.get(junctor, ()) if junctor != skipped else ()):
            inner = skipped.removeprefix(f"{junctor}[{index}].") if skipped.startswith(f"{junctor}[{index}].") else ""
            yield from _nested_faults(each, level, f"{path}.{junctor}[{index}]", inner)
    if "not" in schema:
        yield from _nested_faults(schema["not"], level, f"{path}.not")
    pattern = schema.get("pattern", "")
    if why := _pattern_fault(pattern):
        detail = f"must be a valid regular expression, but isn't: error parsing regexp: {why}"
        yield invalid(f"{path}.pattern", pattern, detail)


def _pattern_fault(pattern: str) -> str:
    """Return why Go does not read a pattern, "" if it does; what only Python does not read is no fault."""
    try:
        re.compile(pattern)
    except re.error as error:
        at = error.pos or 0
        known = {
            "missing ), unterminated subpattern": f"missing closing ): `{pattern}`",
            "unbalanced parenthesis": f"unexpected ): `{pattern}`",
            "unterminated character set": f"missing closing ]: `{pattern[at:]}`",
            "nothing to repeat": f"missing argument to repetition operator: `{pattern[at : at + 1]}`",
        }
        return known.get(error.msg, "")
    return ""


def _nested_faults(schema: JSON, level: _Level, path: str, skipped: str = "") -> Faults:
    yield from _value_faults(schema, level, path, skipped)
    if (items := items_of(schema)) is not None:
        yield from _nested_faults(items, level, f"{path}.items")
    for name, each in schema.get("properties", {}).items():
        yield from _nested_faults(each, "field", f"{path}.properties[{name}]")
    for name, detail in _NESTED.items():
        if schema.get(name) or (name == "default" and "default" in schema):
            yield forbidden(f"{path}.{name}", detail)
    if "metadata" in schema.get("properties", {}):
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _completeness(values: JSON, schema: JSON, path: str, values_path: str) -> Iterator[FieldError]:
    """Yield what the junctors of ``values`` say of fields that ``schema`` does not have."""
    nested = [("not", values["not"])] if "not" in values else []
    for junctor in ("allOf", "anyOf", "oneOf"):
        nested += [(f"{junctor}[{index}]", each) for index, each in enumerate(values.get(junctor, ()))]
    for name, each in nested:
        yield from _nested_completeness(each, schema, path, f"{values_path}.{name}")


def _nested_completeness(values: JSON, schema: JSON | None, path: str, values_path: str) -> Iterator[FieldError]:
    if schema is None:
        yield required(path, f"because it is defined in {values_path}")
        return
    yield from _completeness(values, schema, path, values_path)
    if (items := items_of(values)) is not None:
        yield from _nested_completeness(items, items_of(schema), f"{path}.items", f"{values_path}.items")
    for name, each in values.get("properties", {}).items():
        known, below = schema.get("properties", {}).get(name), f"properties[{name}]"
        yield from _nested_completeness(each, known, f"{path}.{below}", f"{values_path}.{below}")
