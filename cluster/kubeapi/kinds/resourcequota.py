"""ResourceQuota (pkg/apis/core/validation ValidateResourceQuota, pkg/registry/core/resourcequota)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kubeapi.kind import STATUS, Kind
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.podspec.resources import QUOTA_RESOURCES, is_whole, validate_resource_name
from kubeapi.scheme import RESOURCEQUOTAS
from kubeapi.serialization.quantity import amount_of
from kubeapi.validation.faults import Faults, GoText, invalid, required

_COMPUTE = frozenset(("cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"))
_PODS = _COMPUTE | {"pods"}
_SCOPES: dict[str, Collection[str]] = {
    "Terminating": _PODS,
    "NotTerminating": _PODS,
    "BestEffort": ("pods",),
    "NotBestEffort": _PODS,
    "PriorityClass": _PODS,
    "CrossNamespacePodAffinity": _PODS,
    "VolumeAttributesClass": ("persistentvolumeclaims", "requests.storage"),
}
"""The scopes, each with the standard resources that it may limit."""
_ALWAYS_EXISTS = _SCOPES.keys() - {"PriorityClass", "VolumeAttributesClass"}
_CONFLICTS = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})


def _validate(obj: JSON) -> Faults:
    spec = obj.get("spec", {})
    yield from _validate_amounts(map_at(spec, "hard"), "spec.hard")
    yield from _validate_scopes(spec)
    yield from _validate_selector(spec)


def _validate_amounts(amounts: JSON, path: str) -> Faults:
    for name, value in amounts.items():
        where = f"{path}[{name}]"
        yield from validate_resource_name(name, where)
        if "/" not in name and name not in QUOTA_RESOURCES and not _is_huge(name):
            yield invalid(where, name, "must be a standard resource for quota")
        if amount_of(value) < 0:
            yield invalid(where, value, "must be greater than or equal to 0")
        if is_whole(name) and amount_of(value) % 1:
            yield invalid(where, value, "must be an integer")


def _is_huge(name: str) -> bool:
    return name.removeprefix("requests.").startswith("hugepages-")


def _validate_scopes(spec: JSON) -> Faults:
    path, scopes = "spec.scopes", list_at(spec, "scopes")
    for scope in scopes:
        yield from _validate_scope(scope, spec, path, scopes, path)
    yield from (invalid(path, scopes, "conflicting scopes") for each in _CONFLICTS if each <= set(scopes))


def _validate_scope(scope: str, spec: JSON, name_path: str, told: Any, path: str) -> Faults:
    if scope not in _SCOPES:
        yield invalid(name_path, told if name_path == path else scope, "unsupported scope")
        return
    for name in sorted(map_at(spec, "hard")):
        if (name in QUOTA_RESOURCES or _is_huge(name)) and name not in _SCOPES[scope]:
            yield invalid(path, told, "unsupported scope applied to resource")


def _validate_selector(spec: JSON) -> Faults:
    path, selector = "spec.scopeSelector.matchExpressions", map_at(spec, "scopeSelector")
    requirements = list_at(selector, "matchExpressions")
    for each in requirements:
        scope, operator, values = each.get("scopeName", ""), each.get("operator", ""), list_at(each, "values")
        yield from _validate_scope(scope, spec, f"{path}.scopeName", selector, path)
        if scope in _ALWAYS_EXISTS and operator != "Exists":
            yield invalid(f"{path}.operator", operator, _ONLY_EXISTS)
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                yield required(f"{path}.values", detail)
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                yield invalid(f"{path}.values", values, detail)
        else:
            yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    named = {each.get("scopeName") for each in requirements}
    for pair in _CONFLICTS:
        if pair <= named:
            yield invalid(path, GoText(str(selector)), "conflicting scopes")


_ONLY_EXISTS = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating,"
    " ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def _validate_update(new: JSON, old: JSON) -> Faults:
    scopes = list_at(new, "spec", "scopes")
    if set(scopes) != set(list_at(old, "spec", "scopes")):
        yield invalid("spec.scopes", list(scopes), "field is immutable")


def _validate_status(obj: JSON) -> Faults:
    for field in ("hard", "used"):
        yield from _validate_amounts(map_at(obj, "status", field), f"status.{field}")


KIND = Kind(
    resource=RESOURCEQUOTAS,
    subresources=(STATUS,),
    prepare_for_create=lambda obj: obj.update(status={}),
    validate=_validate,
    validate_update=_validate_update,
    validate_status=_validate_status,
    apply_rank=15,
)
