"""References to objects of any kind by group, kind and name (validateIngressTypedLocalObjectReference)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, each_invalid, required
from kubeapi.validation.names import dns1123_subdomain, path_segment


def validate_typed_reference(reference: JSON, path: str) -> Faults:
    """Yield the faults of ``apiGroup``, ``kind`` and ``name``."""
    if reference.get("apiGroup") is not None:
        yield from each_invalid(f"{path}.apiGroup", reference["apiGroup"], dns1123_subdomain(reference["apiGroup"]))
    for field in ("kind", "name"):
        value = reference.get(field, "")
        if not value:
            yield required(f"{path}.{field}")
        else:
            yield from each_invalid(f"{path}.{field}", value, path_segment(value))
