"""Lease (pkg/apis/coordination/validation, pkg/registry/coordination/lease/strategy.go)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.scheme import LEASES
from kubeapi.validation.faults import Faults, invalid, not_negative


def _validate(obj: JSON) -> Faults:
    """Yield the faults of a Lease."""
    spec = obj.get("spec", {})
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        yield invalid("spec.leaseDurationSeconds", duration, "must be greater than 0")
    yield from not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))


KIND = Kind(
    resource=LEASES,
    allows_create_on_update=True,
    # Otherwise two candidates could both take over a Lease, and both act as the leader.
    allows_unconditional_update=False,
    validate=_validate,
    is_authored=False,
)
