"""References to objects of any kind by kind and name (pkg/apis/autoscaling/validation)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, each_invalid, invalid, required
from kubeapi.validation.names import path_segment


def validate_reference(reference: JSON, path: str) -> Faults:
    """Yield the faults of a CrossVersionObjectReference, but for those of its apiVersion."""
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
