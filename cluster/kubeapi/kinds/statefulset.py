"""StatefulSet (pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation, pkg/registry/apps/statefulset/strategy.go)."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kind import SCALE, STATUS, Kind
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at, status_of
from kubeapi.objects.statefulset import StatefulSet
from kubeapi.podspec.defaults import set_pod_spec_defaults
from kubeapi.podspec.warnings.combined import REASON, TEMPLATE_SPEC, NotEmulated, template_warnings
from kubeapi.podspec.warnings.unemulated import NOTHING_MOUNTED
from kubeapi.podspec.workload import validate_matching_template, validate_selection
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import STATEFULSETS
from kubeapi.status import FieldError
from kubeapi.validation.claim import claim_warnings, validate_claim_spec
from kubeapi.validation.faults import (
    Faults,
    GoText,
    each_invalid,
    go_value,
    invalid,
    not_negative,
    unsupported,
)
from kubeapi.validation.names import dns1123_label
from kubeapi.validation.shares import is_zero_share, validate_share
from kubeapi.validation.warnings import verbatim

_RETENTION = ("Retain", "Delete")
_POLICIES = ("OrderedReady", "Parallel")
_STRATEGIES = ("RollingUpdate", "OnDelete")
_IMMUTABLE = ("selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy")
_COUNTS = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    for name, value in (("podManagementPolicy", "OrderedReady"), ("revisionHistoryLimit", 10), ("replicas", 1)):
        if spec.get(name) in (None, ""):
            spec[name] = value
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        strategy["rollingUpdate"].setdefault("partition", 0)
        strategy["rollingUpdate"].setdefault("maxUnavailable", 1)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for name in ("whenDeleted", "whenScaled"):
        retention[name] = retention.get(name) or "Retain"
    set_pod_spec_defaults(spec.setdefault("template", {}).setdefault("spec", {}))
    for claim in spec.get("volumeClaimTemplates", ()):
        claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {}).setdefault("phase", "Pending")


def _set_first_status(obj: JSON) -> None:
    obj["status"] = {"replicas": 0, "availableReplicas": 0}


def _validate(obj: JSON) -> Faults:
    """Yield every fault of a StatefulSet but those of its metadata and of what only a new one may not have."""
    spec = obj["spec"]
    if spec["podManagementPolicy"] not in _POLICIES:
        detail = f"must be '{_POLICIES[0]}' or '{_POLICIES[1]}'"
        yield invalid("spec.podManagementPolicy", spec["podManagementPolicy"], detail)
    yield from _validate_strategy(spec["updateStrategy"])
    for name in ("whenDeleted", "whenScaled"):
        value = spec["persistentVolumeClaimRetentionPolicy"][name]
        if value not in _RETENTION:
            yield unsupported(f"spec.persistentVolumeClaimRetentionPolicy.{name}", value, _RETENTION)
    yield from not_negative("spec.replicas", spec.get("replicas"))
    yield from not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from not_negative("spec.ordinals.start", map_at(spec, "ordinals").get("start"))
    yield from validate_selection(spec, "statefulset")
    yield from validate_matching_template(_as_pods_have_it(spec), spec.get("selector"), "StatefulSet")


def _as_pods_have_it(spec: JSON) -> JSON:
    """Return the template without what the controller overwrites: its host name, and the volumes that are claims."""
    claims = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in _claim_names(spec)]
    template: JSON = spec["template"]
    kept = {name: value for name, value in template["spec"].items() if name not in ("hostname", "subdomain")}
    if claims:
        others = [each for each in list_at(kept, "volumes") if each.get("name") not in _claim_names(spec)]
        kept["volumes"] = [*claims, *others]
    return {**template, "spec": kept}


def _claim_names(spec: JSON) -> list[str]:
    names = (map_at(each, "metadata").get("name") or "" for each in list_at(spec, "volumeClaimTemplates"))
    return list(dict.fromkeys(names))


def _validate_strategy(strategy: JSON) -> Faults:
    path, rolling = "spec.updateStrategy.rollingUpdate", strategy.get("rollingUpdate")
    if strategy["type"] not in _STRATEGIES:
        detail = f"must be '{_STRATEGIES[0]}' or '{_STRATEGIES[1]}'"
        text = GoText(f'{{"Type":{go_value(strategy["type"])},"RollingUpdate":null}}')
        yield invalid("spec.updateStrategy", text, detail)
    elif rolling is not None and strategy["type"] == "OnDelete":
        yield invalid(path, _go_rolling(rolling), "only allowed for updateStrategy 'RollingUpdate'")
    elif rolling is not None:
        yield from not_negative(f"{path}.partition", rolling.get("partition"))
        limit = rolling.get("maxUnavailable", 1)
        yield from validate_share(f"{path}.maxUnavailable", limit, is_bounded=True)
        if is_zero_share(limit):
            yield invalid(f"{path}.maxUnavailable", limit, "cannot be 0")


def _go_rolling(rolling: JSON) -> GoText:
    limit = rolling.get("maxUnavailable")
    shown = "null" if limit is None else go_value(limit)
    return GoText(f'{{"Partition":{rolling.get("partition") or 0},"MaxUnavailable":{shown}}}')


def _validate_create(obj: JSON) -> Faults:
    """Yield what only a new StatefulSet may not have: later both are immutable."""
    spec = obj["spec"]
    for index, claim in enumerate(list_at(spec, "volumeClaimTemplates")):
        yield from validate_claim_spec(claim["spec"], f"spec.volumeClaimTemplates[{index}].spec")
    if name := spec.get("serviceName"):
        yield from each_invalid("spec.serviceName", name, dns1123_label(name))


def _validate_update(new: JSON, old: JSON) -> Faults:
    for name in _IMMUTABLE:
        if new["spec"].get(name) != old["spec"].get(name):
            yield invalid(f"spec.{name}", new["spec"].get(name), "field is immutable")


def _validate_status(obj: JSON) -> Faults:
    status = status_of(obj)
    for name in (*_COUNTS, "observedGeneration", "collisionCount"):
        yield from not_negative(f"status.{name}", status.get(name))
    for name in _COUNTS[1:]:
        if (count := status.get(name) or 0) > (status.get("replicas") or 0):
            yield invalid(f"status.{name}", count, "cannot be greater than status.replicas")
    available = status.get("availableReplicas") or 0
    if available > (status.get("readyReplicas") or 0):
        yield invalid("status.availableReplicas", available, "cannot be greater than status.readyReplicas")


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    yield from template_warnings(before, after, config)
    if before is None:  # claim templates never change
        templates = StatefulSet(after).claim_templates
        if templates and not config.has_sandboxes:
            missing = NotEmulated("spec.volumeClaimTemplates", "", 0, NOTHING_MOUNTED)
            yield FieldError(REASON, missing.path, str(missing))
        for index, claim in enumerate(templates):
            yield from claim_warnings(claim["spec"], f"spec.volumeClaimTemplates[{index}]")
    if after["spec"]["revisionHistoryLimit"] < 0:
        text = "a negative value retains all historical revisions; a value >= 0 is recommended"
        yield verbatim("spec.revisionHistoryLimit", f"spec.revisionHistoryLimit: {text}")


KIND = Kind(
    resource=STATEFULSETS,
    categories=("all",),
    subresources=(SCALE, STATUS),
    set_defaults=_set_defaults,
    prepare_for_create=_set_first_status,
    desired_state=lambda obj: obj["spec"],
    validate_name=dns1123_label,
    validate=_validate,
    validate_create=_validate_create,
    validate_update=_validate_update,
    validate_status=_validate_status,
    warnings=_warnings,
    apply_rank=80,
    pod_spec=TEMPLATE_SPEC,
    requires_spec=True,
)
