"""What a Lease must be (pkg/apis/coordination/validation)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, invalid, not_negative


def validate_lease(obj: JSON) -> Faults:
    """Yield the faults of a Lease."""
    spec = obj.get("spec", {})
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        yield invalid("spec.leaseDurationSeconds", duration, "must be greater than 0")
    yield from not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))
