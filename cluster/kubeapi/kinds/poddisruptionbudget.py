"""PodDisruptionBudget (pkg/apis/policy/validation, pkg/registry/policy/poddisruptionbudget/strategy.go)."""

from __future__ import annotations

import json

from kubeapi.kind import STATUS, Kind
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.scheme import PODDISRUPTIONBUDGETS
from kubeapi.validation.conditions import validate_conditions
from kubeapi.validation.faults import Faults, GoText, invalid, not_negative, unsupported
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.shares import validate_share

_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
_SHARES = ("minAvailable", "maxUnavailable")
_COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
_PRINTED = {
    "MinAvailable": "minAvailable",
    "Selector": "selector",
    "MaxUnavailable": "maxUnavailable",
    "UnhealthyPodEvictionPolicy": "unhealthyPodEvictionPolicy",
}
"""The spec's fields as Go prints them, in its order."""


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {}


def _desired_state(obj: JSON) -> object:
    return obj.get("spec")


def _validate(obj: JSON) -> Faults:
    spec = obj.get("spec", {})
    if all(each in spec for each in _SHARES):
        printed = json.dumps({name: spec.get(field) for name, field in _PRINTED.items()}, separators=(",", ":"))
        yield invalid("spec", GoText(printed), "minAvailable and maxUnavailable cannot be both set")
    for field in _SHARES:
        if field in spec:
            yield from validate_share(f"spec.{field}", spec[field], is_bounded=True)
    yield from validate_selector(spec.get("selector", {}), "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        yield unsupported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES)


def _validate_status(obj: JSON) -> Faults:
    yield from validate_conditions(list_at(obj, "status", "conditions"), "status.conditions")
    for field in _COUNTS:
        yield from not_negative(f"status.{field}", obj["status"].get(field))


KIND = Kind(
    resource=PODDISRUPTIONBUDGETS,
    subresources=(STATUS,),
    prepare_for_create=_set_first_status,
    desired_state=_desired_state,
    # Otherwise an eviction could overwrite what another one has taken from the budget.
    allows_unconditional_update=False,
    validate=_validate,
    validate_status=_validate_status,
)
