"""StorageVersionMigration (pkg/registry/storagemigration/storagemigration/strategy.go)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind, content_of
from kubeapi.meta import JSON
from kubeapi.scheme import STORAGEVERSIONMIGRATIONS
from kubeapi.validation.admission import without_effect
from kubeapi.validation.faults import Faults, invalid, required


def _validate(obj: JSON) -> Faults:
    if not obj.get("spec", {}).get("resource", {}).get("resource"):
        yield required("spec.resource.resource", "resource is required")


def _validate_update(new: JSON, old: JSON) -> Faults:
    if new.get("spec") != old.get("spec"):
        yield invalid("spec.resource", new.get("spec", {}).get("resource"), "field is immutable")


KIND = Kind(
    resource=STORAGEVERSIONMIGRATIONS,
    subresources=(STATUS,),
    desired_state=content_of,
    validate=_validate,
    validate_update=_validate_update,
    warnings=without_effect("stores every object in one version"),
)
