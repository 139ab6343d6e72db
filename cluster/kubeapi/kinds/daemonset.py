"""DaemonSet (pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation, pkg/registry/apps/daemonset/strategy.go)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.parts import status_of
from kubeapi.podspec.defaults import set_pod_spec_defaults
from kubeapi.podspec.warnings.combined import TEMPLATE_SPEC, template_warnings
from kubeapi.podspec.workload import validate_matching_template, validate_selection, validate_selector_update
from kubeapi.scheme import DAEMONSETS
from kubeapi.validation.faults import Faults, GoText, go_value, invalid, not_negative, required, unsupported
from kubeapi.validation.shares import is_zero_share, validate_share

_GENERATION = "deprecated.daemonset.template.generation"
"""The annotation in which apps/v1 has the generation of the template, once a field."""
_STRATEGIES = ("RollingUpdate", "OnDelete")
_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def _set_defaults(obj: JSON) -> None:
    """Fill in the spec, and the annotation of the generation, which apps/v1 always has (Convert_apps_DaemonSet)."""
    _set_generation(obj, _generation(obj))
    spec = obj.setdefault("spec", {})
    strategy = spec.setdefault("updateStrategy", {})
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    set_pod_spec_defaults(spec.setdefault("template", {}).setdefault("spec", {}))


def _prepare_for_create(obj: JSON) -> None:
    obj["status"] = dict.fromkeys(_COUNTS[:4], 0)
    _set_generation(obj, max(1, _generation(obj)))


def _prepare_for_update(new: JSON, old: JSON) -> None:
    """Count the changes of the template; the old object is as it was stored, so the new one gets its defaults first."""
    _set_defaults(new)
    has_changed = new["spec"]["template"] != old["spec"]["template"]
    _set_generation(new, _generation(old) + has_changed)


def _generation(obj: JSON) -> int:
    text = annotations_of(obj).get(_GENERATION, "")
    return int(text) if text.isdecimal() else 0


def _set_generation(obj: JSON, generation: int) -> None:
    obj["metadata"]["annotations"] = {**annotations_of(obj), _GENERATION: str(generation)}


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a DaemonSet but those of its metadata."""
    spec = obj["spec"]
    yield from validate_selection(spec, "daemonset")
    yield from validate_matching_template(spec["template"], spec.get("selector"), "DaemonSet")
    yield from not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from _validate_strategy(spec["updateStrategy"])
    yield from not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))


def _validate_strategy(strategy: JSON) -> Faults:
    path, kind = "spec.updateStrategy.rollingUpdate", strategy["type"]
    if kind not in _STRATEGIES:
        text = GoText(f'{{"Type":{go_value(kind)},"RollingUpdate":null}}')
        yield unsupported("spec.updateStrategy", text, _STRATEGIES)
    if kind != "RollingUpdate":
        return
    rolling = strategy["rollingUpdate"]
    shares = {name: rolling[name] for name in ("maxUnavailable", "maxSurge")}
    for name, value in shares.items():
        yield from validate_share(f"{path}.{name}", value, is_bounded=True)
    none = [is_zero_share(each) for each in shares.values()]
    if not any(none):
        yield invalid(f"{path}.maxSurge", shares["maxSurge"], "may not be set when maxUnavailable is non-zero")
    elif all(none):
        yield required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def _validate_status(obj: JSON) -> Faults:
    for name in _COUNTS:
        yield from not_negative(f"status.{name}", status_of(obj).get(name))


KIND = Kind(
    resource=DAEMONSETS,
    categories=("all",),
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    prepare_for_create=_prepare_for_create,
    prepare_for_update=_prepare_for_update,
    desired_state=lambda obj: obj["spec"],
    validate=_validate,
    validate_update=validate_selector_update,
    validate_status=_validate_status,
    lists_update_faults_first=True,
    warnings=template_warnings,
    apply_rank=80,
    pod_spec=TEMPLATE_SPEC,
    requires_spec=True,
)
