"""References to objects of any kind by their kind and name."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, each_invalid, invalid, required
from kubeapi.validation.names import dns1123_subdomain, path_segment


def validate_typed_reference(reference: JSON, path: str) -> Faults:
    """Yield the faults of ``apiGroup``, ``kind`` and ``name`` (validateIngressTypedLocalObjectReference)."""
    if reference.get("apiGroup") is not None:
        yield from each_invalid(f"{path}.apiGroup", reference["apiGroup"], dns1123_subdomain(reference["apiGroup"]))
    yield from validate_reference(reference, path)


def validate_reference(reference: JSON, path: str) -> Faults:
    """Yield the faults of ``kind`` and ``name`` (pkg/apis/autoscaling/validation, CrossVersionObjectReference)."""
    for field in ("kind", "name"):
        value = reference.get(field, "")
        if not value:
            yield required(f"{path}.{field}")
        else:
            yield from each_invalid(f"{path}.{field}", value, path_segment(value))


def validate_version(reference: JSON, path: str) -> Faults:
    """Yield the fault of a reference whose apiVersion is none (schema.ParseGroupVersion)."""
    version = reference.get("apiVersion", "")
    if version.count("/") > 1:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
