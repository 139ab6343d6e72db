"""The faults of fields, with the texts of k8s.io/apimachinery ``util/validation/field``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Set

from kubeapi.serialization.gojson import write_json
from kubeapi.status import FieldError

Faults = Iterator[FieldError]
"""What a validator yields: every fault that it finds, none for a valid object."""

WHOLE = "[]"
"""The path of a fault of the whole object: how Go prints ``field.NewPath("")``."""


class GoText(str):
    """A value that is printed as it is."""

    __slots__ = ()


def go_value(value: object) -> str:
    """Return a value as errors show it since Kubernetes 1.34: text as Go quotes it, all else as JSON.

    A mapping is a Go map, with its keys in order; ``struct_text`` is for structs.
    """
    match value:
        case GoText():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            return write_json(dict(sorted(value.items())))
    return write_json(value)


def struct_text(fields: Mapping[str, object]) -> GoText:
    """Return a Go struct as errors show it, with its fields in the given order."""
    return GoText(write_json(fields))


def invalid(path: str, value: object, detail: str) -> FieldError:
    """Return the fault of an invalid value."""
    return FieldError("FieldValueInvalid", path, f"Invalid value: {go_value(value)}: {detail}")


def without_value(path: str, detail: str) -> FieldError:
    """Return the fault of an invalid value that the text leaves out (``field.OmitValueType``)."""
    return FieldError("FieldValueInvalid", path, f"Invalid value: {detail}")


def required(path: str, detail: str = "") -> FieldError:
    """Return the fault of a missing value."""
    return FieldError("FieldValueRequired", path, f"Required value: {detail}" if detail else "Required value")


def forbidden(path: str, detail: str) -> FieldError:
    """Return the fault of a field that may not be set, or not be set so."""
    return FieldError("FieldValueForbidden", path, f"Forbidden: {detail}")


def duplicate(path: str, value: object) -> FieldError:
    """Return the fault of a value that may be there only once."""
    return FieldError("FieldValueDuplicate", path, f"Duplicate value: {go_value(value)}")


def not_found(path: str, value: object, detail: str = "") -> FieldError:
    """Return the fault of a value that names something that does not exist."""
    return FieldError("FieldValueNotFound", path, f"Not found: {go_value(value)}{detail and ': '}{detail}")


def too_long(path: str, limit: int) -> FieldError:
    """Return the fault of a value with more than ``limit`` bytes."""
    return FieldError("FieldValueTooLong", path, f"Too long: may not be more than {limit} bytes")


def too_many(path: str, count: int, limit: int) -> FieldError:
    """Return the fault of a list with more than ``limit`` items."""
    return FieldError("FieldValueTooMany", path, f"Too many: {count}: must have at most {limit} items")


def unsupported(path: str, value: object, supported: Iterable[str]) -> FieldError:
    """Return the fault of a value that is not in ``supported``; a set is listed in alphabetical order."""
    ordered = sorted(supported) if isinstance(supported, Set) else supported
    choices = ", ".join(go_value(each) for each in ordered)
    return FieldError(
        "FieldValueNotSupported", path, f"Unsupported value: {go_value(value)}: supported values: {choices}"
    )


def one_of(path: str, value: str | None, supported: Collection[str]) -> Faults:
    """Yield a fault unless the value is one of ``supported``."""
    if not value:
        yield required(path)
    elif value not in supported:
        yield unsupported(path, value, supported)


def each_invalid(path: str, value: object, details: Iterable[str]) -> Faults:
    """Yield one fault for every detail."""
    for detail in details:
        yield invalid(path, value, detail)


def not_negative(path: str, value: int | None) -> Faults:
    """Yield a fault if the number is below zero."""
    if value is not None and value < 0:
        yield invalid(path, value, "must be greater than or equal to 0")
