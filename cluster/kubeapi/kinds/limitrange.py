"""LimitRange (pkg/apis/core/v1/defaults.go, pkg/apis/core/validation ValidateLimitRange)."""

from __future__ import annotations

from decimal import Decimal

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.podspec.resources import may_overcommit, validate_container_resource_name, validate_resource_name
from kubeapi.scheme import LIMITRANGES
from kubeapi.serialization.quantity import amount_of
from kubeapi.validation.faults import Faults, duplicate, each_invalid, forbidden, invalid, required
from kubeapi.validation.names import qualified_name

_TYPES = frozenset(("Pod", "Container", "PersistentVolumeClaim"))
_BOUNDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_ORDER = (
    ("min", "max", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min value {} is greater than default value {}"),
    ("default", "max", "default", "default value {} is greater than max value {}"),
)
"""Which bound may not be greater than which, where that is a fault, and its text."""
_SHOWN = {3: "default request", 4: "min"}


def _set_defaults(obj: JSON) -> None:
    """Complete what containers get: limits from the maximum, requests from limits, then from the minimum."""
    for item in list_at(obj, "spec", "limits"):
        if item.get("type") != "Container":
            continue
        limits = {**map_at(item, "max"), **map_at(item, "default")}
        requests = {**map_at(item, "min"), **limits, **map_at(item, "defaultRequest")}
        item.update({name: value for name, value in (("default", limits), ("defaultRequest", requests)) if value})


def _validate(obj: JSON) -> Faults:
    seen: set[str] = set()
    for index, item in enumerate(list_at(obj, "spec", "limits")):
        path, kind = f"spec.limits[{index}]", item.get("type", "")
        faults = qualified_name(kind)
        yield from each_invalid(f"{path}.type", kind, faults)
        if not faults and "/" not in kind and kind not in _TYPES:
            yield invalid(f"{path}.type", kind, "must be a standard limit type or fully qualified")
        if kind in seen:
            yield duplicate(f"{path}.type", kind)
        seen.add(kind)
        yield from _validate_names(item, path)
        for name in sorted({name for bound in _BOUNDS for name in map_at(item, bound)}):
            yield from _validate_bounds(item, name, path)


def _validate_names(item: JSON, path: str) -> Faults:
    kind = item.get("type")
    rule = validate_container_resource_name if kind in ("Pod", "Container") else validate_resource_name
    for bound in _BOUNDS:
        if kind == "Pod" and bound.startswith("default"):
            if item.get(bound):
                yield forbidden(f"{path}.{bound}", "may not be specified when `type` is 'Pod'")
            continue
        for name in map_at(item, bound):
            yield from rule(name, f"{path}.{bound}[{name}]")
    if kind == "PersistentVolumeClaim" and not any("storage" in map_at(item, each) for each in ("min", "max")):
        detail = "either minimum or maximum storage value is required, but neither was provided"
        yield required(f"{path}.limits", detail)


def _validate_bounds(item: JSON, name: str, path: str) -> Faults:
    """Yield the faults of one resource's bounds beside each other."""
    bounds = {bound: str(map_at(item, bound)[name]) for bound in _BOUNDS if name in map_at(item, bound)}
    if item.get("type") == "Pod":
        bounds = {bound: value for bound, value in bounds.items() if not bound.startswith("default")}
    for lower, upper, blamed, text in _ORDER:
        if lower in bounds and upper in bounds and amount_of(bounds[lower]) > amount_of(bounds[upper]):
            shown = (
                "min"
                if (lower, upper) == ("min", "default")
                else "max"
                if (lower, upper) == ("default", "max")
                else blamed
            )
            yield invalid(f"{path}.{blamed}[{name}]", bounds[shown], text.format(bounds[lower], bounds[upper]))
    yield from _validate_ratio(bounds, f"{path}.maxLimitRequestRatio[{name}]")
    limit, request = bounds.get("default"), bounds.get("defaultRequest")
    if limit and request and not may_overcommit(name) and amount_of(limit) != amount_of(request):
        detail = f"default value {limit} must equal to defaultRequest value {request} in {name}"
        yield invalid(f"{path}.defaultRequest[{name}]", request, detail)


def _validate_ratio(bounds: dict[str, str], path: str) -> Faults:
    ratio = bounds.get("maxLimitRequestRatio")
    if ratio is None:
        return
    amount = amount_of(ratio)
    if amount < 1:
        yield invalid(path, ratio, f"ratio {ratio} is less than 1")
    if "min" in bounds and "max" in bounds and (least := amount_of(bounds["min"])):
        largest: Decimal = amount_of(bounds["max"]) / least
        if amount > largest:
            yield invalid(path, ratio, f"ratio {ratio} is greater than max/min = {float(largest):.6f}")


KIND = Kind(
    resource=LIMITRANGES, allows_create_on_update=True, set_defaults=_set_defaults, validate=_validate, apply_rank=15
)
