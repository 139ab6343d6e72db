"""ReplicationController (pkg/apis/core/v1/defaults.go, ValidateReplicationController, its strategy.go)."""

from __future__ import annotations

from kubeapi.kind import SCALE, STATUS, Kind, content_of
from kubeapi.meta import JSON, matches_labels
from kubeapi.objects.parts import map_at
from kubeapi.podspec.defaults import set_pod_spec_defaults
from kubeapi.podspec.warnings.combined import TEMPLATE_SPEC, named_template_warnings
from kubeapi.podspec.workload import NO_LABELS, validate_endless, validate_template
from kubeapi.scheme import REPLICATIONCONTROLLERS
from kubeapi.validation.faults import Faults, invalid, not_negative, required

_COUNTS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")


def _set_defaults(obj: JSON) -> None:
    """Fill in also selector and labels, which are the template's labels."""
    spec = obj.setdefault("spec", {})
    labels = map_at(spec, "template", "metadata", "labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)
    spec.setdefault("replicas", 1)
    if "template" in spec:
        set_pod_spec_defaults(spec["template"].setdefault("spec", {}))


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {"replicas": 0}


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a ReplicationController but those of its metadata."""
    spec = obj["spec"]
    yield from not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    selector: dict[str, str] = spec.get("selector", {})
    if not selector:
        yield required("spec.selector")
    yield from not_negative("spec.replicas", spec["replicas"])
    template, path = spec.get("template"), "spec.template"
    if template is None:
        yield required(path)
        return
    labels: dict[str, str] = map_at(template, "metadata", "labels")
    if selector and not matches_labels(selector, labels):
        yield invalid(f"{path}.metadata.labels", labels or NO_LABELS, "`selector` does not match template `labels`")
    yield from validate_template(template, path)
    yield from validate_endless(template["spec"], f"{path}.spec", "ReplicationController")


def _validate_status(obj: JSON) -> Faults:
    status = obj["status"]
    for field in _COUNTS:
        yield from not_negative(f"status.{field}", status.get(field))
    replicas, ready = status.get("replicas") or 0, status.get("readyReplicas") or 0
    for field in _COUNTS[1:4]:
        if (count := status.get(field) or 0) > replicas:
            yield invalid(f"status.{field}", count, "cannot be greater than status.replicas")
    if (available := status.get("availableReplicas") or 0) > ready:
        yield invalid("status.availableReplicas", available, "cannot be greater than readyReplicas")


KIND = Kind(
    resource=REPLICATIONCONTROLLERS,
    categories=("all",),
    subresources=(SCALE, STATUS),
    field_labels=("status.replicas",),
    set_defaults=_set_defaults,
    prepare_for_create=_set_first_status,
    desired_state=content_of,
    validate=_validate,
    validate_status=_validate_status,
    warnings=named_template_warnings,
    orphans_dependents=True,
    apply_rank=70,
    pod_spec=TEMPLATE_SPEC,
    requires_spec=True,
)
