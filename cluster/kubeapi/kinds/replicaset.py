"""ReplicaSet (pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation, pkg/registry/apps/replicaset/strategy.go)."""

from __future__ import annotations

from kubeapi.kind import SCALE, STATUS, Kind, content_of
from kubeapi.meta import JSON
from kubeapi.podspec.defaults import set_pod_spec_defaults
from kubeapi.podspec.warnings.combined import TEMPLATE_SPEC, named_template_warnings
from kubeapi.podspec.workload import validate_replicated, validate_selector_update
from kubeapi.scheme import REPLICASETS
from kubeapi.validation.faults import Faults, not_negative


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    set_pod_spec_defaults(spec.setdefault("template", {}).setdefault("spec", {}))


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {"replicas": 0}


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a ReplicaSet but those of its metadata."""
    yield from validate_replicated(obj["spec"])
    yield from not_negative("spec.minReadySeconds", obj["spec"].get("minReadySeconds"))


KIND = Kind(
    resource=REPLICASETS,
    categories=("all",),
    subresources=(SCALE, STATUS),
    field_labels=("status.replicas",),
    set_defaults=_set_defaults,
    prepare_for_create=_set_first_status,
    desired_state=content_of,
    validate=_validate,
    validate_update=validate_selector_update,
    warnings=named_template_warnings,
    apply_rank=70,
    pod_spec=TEMPLATE_SPEC,
    requires_spec=True,
)
