"""Job (pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation, pkg/registry/batch/job/strategy.go)."""

from __future__ import annotations

from kubeapi.jobspec.defaults import set_job_defaults
from kubeapi.jobspec.validation import validate_job_selector, validate_job_spec
from kubeapi.kind import STATUS, Kind
from kubeapi.kinds.job.status import validate_status_change
from kubeapi.kinds.job.update import validate_update
from kubeapi.meta import JSON, matches_selector
from kubeapi.objects.parts import map_at
from kubeapi.podspec.warnings.combined import TEMPLATE_SPEC, named_template_warnings
from kubeapi.scheme import JOBS
from kubeapi.validation.faults import Faults, invalid
from kubeapi.validation.metadata import go_selector
from kubeapi.validation.names import dns1123_label

_NAME_LABELS = ("job-name", "batch.kubernetes.io/job-name")
_UID_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")
_SELECTED = _UID_LABELS[1]


def _prepare(obj: JSON) -> None:
    """Generate selector and labels, unless they are given, and begin the status (generateSelector)."""
    obj["status"] = {}
    metadata, spec = obj["metadata"], obj["spec"]
    if spec.get("manualSelector"):
        return
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    own = dict.fromkeys(_NAME_LABELS, metadata.get("name", "")) | dict.fromkeys(_UID_LABELS, metadata["uid"])
    for name, value in own.items():
        labels.setdefault(name, value)
    selector = spec.setdefault("selector", {})
    selector["matchLabels"] = {_SELECTED: metadata["uid"], **selector.get("matchLabels", {})}
    if not metadata.get("labels"):  # a template without labels: what a real server shows gets the defaults once more
        metadata["labels"] = dict(labels)


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a Job but those of its metadata."""
    spec = obj["spec"]
    yield from validate_job_spec(spec, "spec")
    yield from validate_job_selector(spec, "spec")
    completions = spec.get("completions")
    if spec.get("completionMode") == "Indexed" and completions:
        name = obj["metadata"].get("name", "")
        last = f"{name}-{completions - 1}"
        if dns1123_label(last):
            yield invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {last}")


def _validate_create(obj: JSON) -> Faults:
    """Yield the faults of labels that are generated, but given too (validateGeneratedSelector)."""
    metadata, spec = obj["metadata"], obj["spec"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return
    labels, path = map_at(spec, "template", "metadata", "labels"), "spec.template.metadata.labels"
    name, uid = metadata.get("name", ""), metadata["uid"]
    expected = dict.fromkeys(_NAME_LABELS, name) | dict.fromkeys(_UID_LABELS, uid)
    for label in (_UID_LABELS[0], _NAME_LABELS[0], _UID_LABELS[1], _NAME_LABELS[1]):
        if labels.get(label) != expected[label]:
            yield invalid(f"{path}[{label}]", labels, f"must be '{expected[label]}'")
    if not matches_selector(spec["selector"], expected):
        yield invalid("spec.selector", go_selector(spec["selector"]), "`selector` not auto-generated")


KIND = Kind(
    resource=JOBS,
    categories=("all",),
    subresources=(STATUS,),
    field_labels=("status.successful",),
    set_defaults=set_job_defaults,
    prepare_for_create=_prepare,
    desired_state=lambda obj: obj["spec"],
    validate=_validate,
    validate_create=_validate_create,
    validate_update=validate_update,
    validate_status_update=validate_status_change,
    warnings=named_template_warnings,
    orphans_dependents=True,
    deletion_warning=(
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them "
        "or set propagationPolicy=Orphan to suppress this warning"
    ),
    apply_rank=70,
    pod_spec=TEMPLATE_SPEC,
    requires_spec=True,
)
