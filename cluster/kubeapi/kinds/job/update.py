"""What may not change in a Job (pkg/apis/batch/validation ValidateJobSpecUpdate, pkg/registry/batch/job/strategy.go).

The template may not, but for its placement, labels and resources while the Job is suspended and has no pods.
"""

from __future__ import annotations

from typing import Any

from kubeapi.meta import JSON, copy_object
from kubeapi.objects.conditions import is_condition_true
from kubeapi.objects.job import read_job
from kubeapi.objects.parts import list_at, map_at
from kubeapi.validation.faults import Faults, invalid
from kubeapi.validation.metadata import go_selector

_IMMUTABLE = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_PLACEMENT = ("nodeSelector", "tolerations", "schedulingGates")
_FIXED = "field is immutable"


def validate_update(new: JSON, old: JSON) -> Faults:
    """Yield what may not change."""
    spec, before = new["spec"], old["spec"]
    yield from _validate_completions(spec, before)
    if spec.get("selector") != before.get("selector"):
        yield invalid("spec.selector", go_selector(map_at(spec, "selector")), _FIXED)
    yield from _validate_template(spec["template"], old)
    for field in _IMMUTABLE:
        yield from _unchanged(f"spec.{field}", spec.get(field), before.get(field))


def _unchanged(path: str, value: Any, before: Any) -> Faults:
    if value != before:
        yield invalid(path, value, _FIXED)


def _validate_completions(spec: JSON, before: JSON) -> Faults:
    """Yield the fault of changed completions: those of an Indexed Job may change together with its parallelism."""
    completions, path = spec.get("completions"), "spec.completions"
    if spec.get("completionMode") != "Indexed":
        yield from _unchanged(path, completions, before.get("completions"))
    elif completions not in (before.get("completions"), None, spec.get("parallelism")):
        yield invalid(path, completions, "can only be modified in tandem with spec.parallelism")


def _validate_template(template: JSON, old: JSON) -> Faults:
    before = old["spec"]["template"]
    if not _has_mutable_template(old):
        yield from _unchanged("spec.template", template, before)
        return
    allowed = _with_placement(before["spec"], template["spec"])
    for field in ("containers", "initContainers"):
        _take_resources(list_at(allowed, field), list_at(template["spec"], field))
    yield from _unchanged("spec.template.spec", template["spec"], allowed)


def _has_mutable_template(old: JSON) -> bool:
    job = read_job(old)
    is_idle = job.started_at is None or is_condition_true(old, "Suspended")
    return job.is_suspended and is_idle and job.active == 0


def _with_placement(before: JSON, new: JSON) -> JSON:
    """Return a copy of the old pod's spec with the new one's placement: selector, tolerations, node affinity."""
    kept = copy_object({field: value for field, value in before.items() if field not in _PLACEMENT})
    kept |= {field: new[field] for field in _PLACEMENT if field in new}
    affinity = {name: value for name, value in (kept.pop("affinity", None) or {}).items() if name != "nodeAffinity"}
    if node_affinity := (new.get("affinity") or {}).get("nodeAffinity"):
        affinity["nodeAffinity"] = node_affinity
    return {**kept, "affinity": affinity} if affinity or "affinity" in new else kept


def _take_resources(kept: Any, new: Any) -> None:
    """Give the old containers the resources of the new ones, if they have the same names."""
    if len(kept) == len(new):
        for mine, theirs in zip(kept, new, strict=True):
            if mine.get("name") == theirs.get("name") and "resources" in theirs:
                mine["resources"] = theirs["resources"]
