"""What a Pod must be, and what may change of it (pkg/apis/core/validation ValidatePodCreate, ValidatePodUpdate)."""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.backends.validation import validate_backend
from kubeapi.meta import JSON, annotations_of
from kubeapi.podspec.container import validate_spaces
from kubeapi.podspec.profiles import validate_profile_annotations, validate_profile_fields
from kubeapi.podspec.validation import validate_pod_spec
from kubeapi.validation.faults import Faults, forbidden, invalid

_FROZEN = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_CHECKED_ALONE = frozenset(("activeDeadlineSeconds", "tolerations", "schedulingGates"))
"""Fields with a rule of their own for changes."""


def validate_pod(obj: JSON) -> Faults:
    """Yield every fault of a Pod but those of its metadata."""
    spec, annotations = obj["spec"], annotations_of(obj)
    yield from validate_profile_annotations(annotations, spec, "metadata.annotations")
    yield from validate_backend(annotations, "metadata.annotations")
    yield from validate_pod_spec(spec, "spec", is_pod=True)
    if not spec.get("serviceAccountName"):
        yield from _validate_tokens(spec.get("volumes", ()))
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield from validate_spaces(container, f"spec.{field}[{index}]")


def validate_pod_creation(obj: JSON) -> Faults:
    """Yield what only a new Pod may not have."""
    spec = obj["spec"]
    if spec.get("ephemeralContainers"):
        yield forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        yield forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
    yield from validate_profile_fields(obj)


def _validate_tokens(volumes: Sequence[JSON]) -> Faults:
    for index, volume in enumerate(volumes):
        for number, source in enumerate(volume.get("projected", {}).get("sources") or ()):
            if "serviceAccountToken" in source:
                where = f"spec.volumes[{index}].projected.sources[{number}].serviceAccountToken"
                yield forbidden(where, "must not be specified when serviceAccountName is not set")


def validate_pod_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault for every change but of images, deadlines, gates, tolerations, and the node once (the binding)."""
    spec, before = new["spec"], old["spec"]
    for field in ("containers", "initContainers"):
        if len(spec.get(field) or ()) != len(before.get(field) or ()):
            yield forbidden(f"spec.{field}", "pod updates may not add or remove containers")
            return
    yield from _validate_deadline(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    yield from _validate_tolerations(spec.get("tolerations", ()), before.get("tolerations", ()))
    yield from _validate_gates(spec.get("schedulingGates", ()), before.get("schedulingGates", ()))
    is_gated = bool(before.get("schedulingGates"))
    if is_gated and not before.get("nodeSelector", {}).items() <= spec.get("nodeSelector", {}).items():
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield invalid("spec.nodeSelector", spec.get("nodeSelector", {}), detail)
    if _frozen_part(spec, before, is_gated=is_gated) != _frozen_part(before, before, is_gated=is_gated):
        yield forbidden("spec", _FROZEN)


def _validate_deadline(seconds: int | None, before: int | None) -> Faults:
    if before is None:
        return
    if seconds is None:
        yield invalid("spec.activeDeadlineSeconds", None, "must not update from a positive integer to nil value")
    elif seconds > before:
        yield invalid("spec.activeDeadlineSeconds", seconds, "must be less than or equal to previous value")


def _validate_tolerations(tolerations: Sequence[JSON], before: Sequence[JSON]) -> Faults:
    without_times, kept = (
        [{name: value for name, value in each.items() if name != "tolerationSeconds"} for each in some]
        for some in (tolerations, before)
    )
    if any(each not in without_times for each in kept):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        yield forbidden("spec.tolerations", detail)


def _validate_gates(gates: Sequence[JSON], before: Sequence[JSON]) -> Faults:
    for index, gate in enumerate(gates):
        if gate not in before:
            name = gate.get("name", "")
            detail = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield forbidden(f"spec.schedulingGates[{index}].name", detail)


def _frozen_part(spec: JSON, before: JSON, *, is_gated: bool) -> JSON:
    """Return the part of the spec that must not change; the node may be set once."""
    free = {
        *_CHECKED_ALONE,
        *(("nodeSelector",) if is_gated else ()),
        *(() if before.get("nodeName") else ("nodeName",)),
    }
    frozen = {name: each for name, each in spec.items() if name not in free}
    for containers in ("containers", "initContainers"):
        frozen[containers] = [{**each, "image": ""} for each in spec.get(containers) or ()]
    if before.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        frozen["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    return frozen
