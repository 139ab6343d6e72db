"""All that strict decoding finds, in one list."""

from __future__ import annotations

from kubeapi.scheme import Resource
from kubeapi.serialization.decoding import decode
from kubeapi.status import FieldError


def strict_faults(resource: Resource, obj: object) -> list[FieldError]:
    """Return every unknown field and every value of a wrong type, with its exact path."""
    decoded = decode(resource, obj)
    return [*decoded.unknown, *decoded.mistyped]
