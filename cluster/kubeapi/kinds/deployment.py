"""Deployment (pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation, pkg/registry/apps/deployment/strategy.go)."""

from __future__ import annotations

from kubeapi.kind import SCALE, STATUS, Kind, content_of
from kubeapi.meta import JSON, annotations_of
from kubeapi.podspec.defaults import set_pod_spec_defaults
from kubeapi.podspec.warnings.combined import TEMPLATE_SPEC, named_template_warnings
from kubeapi.podspec.workload import validate_replicated, validate_selector_update
from kubeapi.scheme import DEPLOYMENTS
from kubeapi.validation.faults import Faults, GoText, forbidden, go_value, invalid, not_negative, unsupported
from kubeapi.validation.shares import is_zero_share, validate_share

_STRATEGIES = frozenset(("Recreate", "RollingUpdate"))


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    set_pod_spec_defaults(spec.setdefault("template", {}).setdefault("spec", {}))


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {}


def _desired_state(obj: JSON) -> object:
    """Return also the annotations: the controller copies them to ReplicaSets."""
    return content_of(obj), annotations_of(obj)


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a Deployment but those of its metadata."""
    spec = obj["spec"]
    yield from validate_replicated(spec)
    yield from _validate_strategy(spec["strategy"])
    for field in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        yield from not_negative(f"spec.{field}", spec.get(field))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _validate_strategy(strategy: JSON) -> Faults:
    path = "spec.strategy.rollingUpdate"
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    if kind not in _STRATEGIES:
        yield unsupported("spec.strategy", GoText(f'{{"Type":{go_value(kind)},"RollingUpdate":null}}'), _STRATEGIES)
    elif kind == "Recreate" and rolling is not None:
        yield forbidden(path, "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate" and rolling is not None:
        unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
        yield from validate_share(f"{path}.maxUnavailable", unavailable, is_bounded=True)
        yield from validate_share(f"{path}.maxSurge", surge, is_bounded=False)
        if is_zero_share(unavailable) and is_zero_share(surge):
            yield invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")


KIND = Kind(
    resource=DEPLOYMENTS,
    categories=("all",),
    subresources=(SCALE, STATUS),
    set_defaults=_set_defaults,
    prepare_for_create=_set_first_status,
    desired_state=_desired_state,
    status_keeps=frozenset(("labels",)),
    validate=_validate,
    validate_update=validate_selector_update,
    warnings=named_template_warnings,
    apply_rank=80,
    pod_spec=TEMPLATE_SPEC,
    requires_spec=True,
)
