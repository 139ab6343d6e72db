"""HorizontalPodAutoscaler (pkg/apis/autoscaling/v2/defaults.go, validation, its strategy.go)."""

from __future__ import annotations

from kubeapi.kind import STATUS, Kind
from kubeapi.kinds.horizontalpodautoscaler.metrics import validate_metrics
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS, HORIZONTALPODAUTOSCALERS_V1
from kubeapi.serialization.quantity import amount_of
from kubeapi.validation.faults import Faults, invalid, not_negative, required, unsupported
from kubeapi.validation.references import validate_reference, validate_version

DEFAULT_METRIC: JSON = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
"""What it scales by if nothing else is said."""

_PERIOD = 15
_UP: JSON = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": _PERIOD},
        {"type": "Percent", "value": 100, "periodSeconds": _PERIOD},
    ],
}
_DOWN: JSON = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": _PERIOD}],
}
_SELECT_POLICIES = ("Disabled", "Max", "Min")
_POLICY_TYPES = ("Percent", "Pods")
_LONGEST_PERIOD = 1800
_LONGEST_WINDOW = 3600


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        spec["metrics"] = [DEFAULT_METRIC]
    behavior = spec.get("behavior")
    if behavior is not None:
        behavior["scaleUp"] = {**_UP, **behavior.get("scaleUp", {})}
        behavior["scaleDown"] = {**_DOWN, **behavior.get("scaleDown", {})}


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {}


def _validate(obj: JSON) -> Faults:
    """Yield the faults of a HorizontalPodAutoscaler but those of its metadata, and of its target's version."""
    spec = obj["spec"]
    least, most, path = spec["minReplicas"], spec.get("maxReplicas", 0), "spec.maxReplicas"
    yield from not_negative("spec.minReplicas", least)
    if most < least:
        yield invalid(path, most, "must be greater than or equal to `minReplicas`")
    yield from validate_reference(spec.get("scaleTargetRef", {}), "spec.scaleTargetRef")
    yield from validate_metrics(spec, "spec.metrics")
    for field in ("scaleUp", "scaleDown"):
        if rules := spec.get("behavior", {}).get(field):
            yield from _validate_rules(rules, f"spec.behavior.{field}")


def _validate_create(obj: JSON) -> Faults:
    yield from _validate_version(obj)
    yield from _validate_most(obj)


def _validate_update(new: JSON, old: JSON) -> Faults:
    """Yield the fault of another target whose version names no group; a stored one may stay."""
    target, before = (each["spec"].get("scaleTargetRef", {}) for each in (new, old))
    if any(target.get(field) != before.get(field) for field in ("apiVersion", "kind")):
        yield from _validate_version(new)
    yield from _validate_most(new)


def _validate_most(obj: JSON) -> Faults:
    """Yield what is declared of maxReplicas, which an API server checks after all else."""
    most = obj["spec"].get("maxReplicas", 0)
    if most == 0:
        yield required("spec.maxReplicas")
    elif most < 0:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to 1")


def _validate_version(obj: JSON) -> Faults:
    target = obj["spec"].get("scaleTargetRef", {})
    version = target.get("apiVersion", "")
    yield from validate_version(target, "spec.scaleTargetRef")
    if "/" not in version and target.get("kind") != "ReplicationController":
        yield invalid("spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group")


def _validate_rules(rules: JSON, path: str) -> Faults:
    window, select = rules.get("stabilizationWindowSeconds"), rules["selectPolicy"]
    where = f"{path}.stabilizationWindowSeconds"
    if window is not None and window < 0:
        yield invalid(where, window, "must be greater than or equal to zero")
    if window is not None and window > _LONGEST_WINDOW:
        yield invalid(where, window, f"must be less than or equal to {_LONGEST_WINDOW}")
    if select not in _SELECT_POLICIES:
        yield unsupported(f"{path}.selectPolicy", select, _SELECT_POLICIES)
    if not rules.get("policies"):
        yield required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(list_at(rules, "policies")):
        yield from _validate_policy(policy, f"{path}.policies[{index}]")
    tolerance = rules.get("tolerance")
    if tolerance is not None and amount_of(tolerance) < 0:
        yield invalid(f"{path}.tolerance", tolerance, "must be greater than or equal to 0")


def _validate_policy(policy: JSON, path: str) -> Faults:
    kind, value, period = policy.get("type", ""), policy.get("value", 0), policy.get("periodSeconds", 0)
    if kind not in _POLICY_TYPES:
        yield unsupported(f"{path}.type", kind, _POLICY_TYPES)
    if value <= 0:
        yield invalid(f"{path}.value", value, "must be greater than zero")
    if period <= 0:
        yield invalid(f"{path}.periodSeconds", period, "must be greater than zero")
    if period > _LONGEST_PERIOD:
        yield invalid(f"{path}.periodSeconds", period, f"must be less than or equal to {_LONGEST_PERIOD}")


def _validate_status(obj: JSON) -> Faults:
    for index, condition in enumerate(list_at(obj, "status", "conditions")):
        yield from not_negative(f"status.conditions[{index}].observedGeneration", condition.get("observedGeneration"))
    for field in ("currentReplicas", "desiredReplicas"):
        yield from not_negative(f"status.{field}", obj["status"].get(field))


KIND = Kind(
    resource=HORIZONTALPODAUTOSCALERS,
    other_versions=(HORIZONTALPODAUTOSCALERS_V1,),
    categories=("all",),
    subresources=(STATUS,),
    set_defaults=_set_defaults,
    prepare_for_create=_set_first_status,
    desired_state=lambda obj: obj["spec"],
    validate=_validate,
    validate_create=_validate_create,
    validate_update=_validate_update,
    validate_status=_validate_status,
    requires_spec=True,
)
