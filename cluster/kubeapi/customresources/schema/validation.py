"""The faults of a value by a schema, with the messages of kube-openapi ``pkg/validation``. Pure.

``validate_value`` is given a value whose schema is structural, or at least without references.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeapi.customresources.schema.values import INT_OR_STRING, go_number, json_type
from kubeapi.meta import JSON
from kubeapi.regexp import go_regexp
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, invalid, required, too_many, unsupported
from kubeapi.validation.formats import format_fault

NO_PATH = "<nil>"
"""The path of a fault that Kubernetes reports without one."""

_TYPE_INVALID = "FieldValueTypeInvalid"
_LIMITS = {"int32": 2**31, "": 2**63, "int64": 2**63}


def validate_value(value: Any, schema: JSON, path: str = "") -> Faults:
    """Yield the faults of a value; ``path`` "" is that of a whole object."""
    kinds = _types_of(schema)
    if value is None:
        if kinds and not schema.get("nullable"):
            yield _type_fault(path, kinds, "null")
        yield from _enum_faults(value, schema, path)
        return
    is_number, kind = type(value) in (int, float), json_type(value)
    if kinds and kind not in kinds and not (is_number and _fits_number(value, kinds)):
        yield _type_fault(path, kinds, kind)
    yield from _junctor_faults(value, schema, path)
    if kind == "string":
        yield from _string_faults(value, schema, path)
    elif is_number:
        yield from _number_faults(value, schema, path)
    elif kind == "array":
        yield from _list_faults(value, schema, path)
    yield from _enum_faults(value, schema, path)
    if kind == "object":
        yield from _map_faults(value, schema, path)


def _types_of(schema: JSON) -> tuple[str, ...]:
    if schema.get(INT_OR_STRING):
        return ("integer", "string")
    return (schema["type"],) if schema.get("type") else ()


def _fits_number(value: float, kinds: tuple[str, ...]) -> bool:
    return "number" in kinds or ("integer" in kinds and float(value).is_integer())


def _type_fault(path: str, kinds: tuple[str, ...], found: str) -> FieldError:
    text = f'{path} in body must be of type {",".join(kinds)}: "{found}"'
    return FieldError(_TYPE_INVALID, path or NO_PATH, invalid(path, found, text).message)


def _fault(path: str, value: Any, detail: str) -> FieldError:
    return invalid(path or NO_PATH, value, f"{path} in body {detail}")


def _string_faults(value: str, schema: JSON, path: str) -> Faults:
    most, least, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if most is not None and len(value) > most:
        yield FieldError("FieldValueTooLong", path, f"Too long: may not be more than {most} bytes")
    if least is not None and len(value) < least:
        yield _fault(path, value, f"should be at least {least} chars long")
    if pattern and not matches(pattern, value):
        yield _fault(path, value, f"should match '{pattern}'")
    name = schema.get("format", "")
    if name and format_fault(name, value):
        text = f'{path} in body must be of type {name}: "{value}"'
        yield FieldError(_TYPE_INVALID, path, invalid(path, value, text).message)


def matches(pattern: str, value: str) -> bool:
    """Tell whether Go's regexp finds a pattern in a text; a pattern that Python cannot read matches everything."""
    return not can_match(pattern) or go_regexp(pattern).matches(value)


def can_match(pattern: str) -> bool:
    """Tell whether a pattern of Go is one that Python reads."""
    try:
        go_regexp(pattern)
    except ValueError:
        return False
    return True


def _number_faults(value: float, schema: JSON, path: str) -> Faults:
    name = schema.get("format", "")
    limit, is_whole = _LIMITS.get(name), float(value).is_integer()
    if schema.get("type") == "integer" and limit is not None and not (is_whole and -limit <= value < limit):
        said = f"with format {name} in" if name else "(default format) in"
        yield invalid(NO_PATH, "", f"Checked value must be of type integer {said} {path}")
    factor, most, least = schema.get("multipleOf"), schema.get("maximum"), schema.get("minimum")
    if factor and not (float(value) / factor).is_integer():
        yield _fault(path, value, f"should be a multiple of {go_number(factor)}")
    if most is not None:
        is_exclusive = bool(schema.get("exclusiveMaximum"))
        if value > most or (is_exclusive and value == most):
            yield _fault(path, value, f"should be less than {'' if is_exclusive else 'or equal to '}{_bound(most)}")
    if least is not None:
        is_exclusive = bool(schema.get("exclusiveMinimum"))
        if value < least or (is_exclusive and value == least):
            yield _fault(path, value, f"should be greater than {'' if is_exclusive else 'or equal to '}{_bound(least)}")


def _bound(bound: float) -> str:
    return go_number(bound)


def _list_faults(value: list[Any], schema: JSON, path: str) -> Faults:
    items, most, least = schema.get("items"), schema.get("maxItems"), schema.get("minItems")
    if isinstance(items, dict):
        for index, each in enumerate(value):
            yield from validate_value(each, items, f"{path}[{index}]")
    if least is not None and len(value) < least:
        yield _fault(path, len(value), f"should have at least {least} items")
    if most is not None and len(value) > most:
        yield too_many(path, len(value), most)
    if schema.get("uniqueItems") and any(each in value[:index] for index, each in enumerate(value)):
        yield invalid(path, "", f"{path} in body shouldn't contain duplicates")


def _enum_faults(value: Any, schema: JSON, path: str) -> Faults:
    allowed = schema.get("enum")
    if allowed and not any(type(each) is type(value) and each == value for each in allowed):
        texts = [each if isinstance(each, str) else go_number(each) for each in allowed]
        yield unsupported(path, value, texts)


def _map_faults(value: JSON, schema: JSON, path: str) -> Faults:
    most, least, more = schema.get("maxProperties"), schema.get("minProperties"), schema.get("additionalProperties")
    properties = schema.get("properties", {})
    if least is not None and len(value) < least:
        yield _fault(path, len(value), f"should have at least {least} properties")
    if most is not None and len(value) > most:
        yield too_many(path, len(value), most)
    for name, each in value.items():
        if name not in properties and more is False:
            yield invalid(path or NO_PATH, "", f"{path}.{name} in body is a forbidden property")
        elif name not in properties and isinstance(more, dict):
            yield from validate_value(each, more, f"{path}.{name}")
    for name, below in properties.items():
        if name in value:
            yield from validate_value(value[name], below, f"{path}.{name}" if path else name)
    for name in schema.get("required", ()):
        if name not in value:
            yield required(f"{path}.{name}" if path else name)


def _junctor_faults(value: Any, schema: JSON, path: str) -> Faults:
    if any_of := schema.get("anyOf"):
        failures = _failures(value, any_of, path)
        if all(failures):
            yield invalid(NO_PATH, "", f'"{path}" must validate at least one schema (anyOf)')
            yield from failures[0]
    if one_of := schema.get("oneOf"):
        yield from _one_of_faults(_failures(value, one_of, path), path)
    if all_of := schema.get("allOf"):
        failures = _failures(value, all_of, path)
        for each in failures:
            yield from each
        if any(failures):
            none = ". None validated" if all(failures) else ""
            yield invalid(NO_PATH, "", f'"{path}" must validate all the schemas (allOf){none}')
    if (refused := schema.get("not")) is not None and not any(validate_value(value, refused, path)):
        yield invalid(NO_PATH, "", f'"{path}" must not validate the schema (not)')


def _one_of_faults(failures: list[list[FieldError]], path: str) -> Iterator[FieldError]:
    valid = sum(not each for each in failures)
    if valid == 1:
        return
    found = f"Found {valid} valid alternatives" if valid else "Found none valid"
    yield invalid(NO_PATH, "", f'"{path}" must validate one and only one schema (oneOf). {found}')
    if not valid:
        yield from failures[0]


def _failures(value: Any, schemas: list[JSON], path: str) -> list[list[FieldError]]:
    return [list(validate_value(value, each, path)) for each in schemas]
