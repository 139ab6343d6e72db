"""What quantities of resources must be (pkg/apis/core/validation ValidateContainerResourceRequirements)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from kubeapi.meta import JSON
from kubeapi.serialization.quantity import QUANTITY, amount_of
from kubeapi.validation.faults import Faults, duplicate, each_invalid, forbidden, invalid, not_found, required
from kubeapi.validation.names import dns1123_label, qualified_name

_COMPUTE = frozenset(("cpu", "memory"))
_CONTAINER_RESOURCES = frozenset(("cpu", "memory", "ephemeral-storage"))
_COUNTS = frozenset(
    (
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    )
)
"""Standard resources that are whole numbers."""
_QUOTAS = frozenset(f"{kind}.{name}" for kind in ("requests", "limits") for name in _CONTAINER_RESOURCES)
_STANDARD_RESOURCES = _CONTAINER_RESOURCES | _COUNTS | _QUOTAS | {"storage", "requests.storage"}
_HUGE_PAGES = "hugepages-"
_NATIVE = "kubernetes.io/"
QUOTA_RESOURCES = _CONTAINER_RESOURCES | _COUNTS | _QUOTAS | {"requests.storage"}
"""Standard resources that a ResourceQuota may have."""


def validate_resources(resources: JSON, path: str, claims: frozenset[str]) -> Faults:
    """Yield the faults of limits, requests and claims; ``claims`` are the names in the pod's resourceClaims."""
    limits: dict[str, str] = resources.get("limits", {})
    requests: dict[str, str] = resources.get("requests", {})
    for name, quantity in limits.items():
        yield from _validate_quantity(name, quantity, f"{path}.limits[{name}]")
    for name, quantity in requests.items():
        yield from _validate_quantity(name, quantity, f"{path}.requests[{name}]")
        yield from _validate_request(name, quantity, limits.get(name), path)
    names = limits.keys() | requests.keys()
    if any(name.startswith(_HUGE_PAGES) for name in names) and not names & _COMPUTE:
        yield forbidden(path, "HugePages require cpu or memory")
    yield from _validate_claims(resources.get("claims", ()), f"{path}.claims", claims)


def _validate_quantity(name: str, quantity: str, path: str) -> Faults:
    yield from validate_container_resource_name(name, path)
    amount = amount_of(quantity)
    if amount < 0:
        yield invalid(path, quantity, "must be greater than or equal to 0")
    if is_whole(name) and amount % 1:
        yield invalid(path, quantity, "must be an integer")
    if name.startswith(_HUGE_PAGES) and not _is_multiple(amount, name.removeprefix(_HUGE_PAGES)):
        yield invalid(path, quantity, f"{quantity} is not positive integer multiple of {name}")


def validate_resource_name(name: str, path: str) -> Faults:
    """Yield the faults of a resource's name."""
    faults = qualified_name(name)
    yield from each_invalid(path, name, faults)
    is_standard = name in _STANDARD_RESOURCES or name.removeprefix("requests.").startswith(_HUGE_PAGES)
    if not faults and "/" not in name and not is_standard:
        yield invalid(path, name, "must be a standard resource type or fully qualified")


def validate_container_resource_name(name: str, path: str) -> Faults:
    """Yield the faults of the name of a resource that a container asks for."""
    yield from validate_resource_name(name, path)
    if "/" in name:
        if _NATIVE not in name and not _is_extended(name):
            yield invalid(path, name, "doesn't follow extended resource name standard")
    elif name not in _CONTAINER_RESOURCES and not name.startswith(_HUGE_PAGES):
        yield invalid(path, name, "must be a standard resource for containers")


def is_whole(name: str) -> bool:
    """Tell whether a resource has no fractions."""
    return name in _COUNTS or _is_extended(name)


def may_overcommit(name: str) -> bool:
    """Tell whether a limit may be more than what is requested."""
    return ("/" not in name or _NATIVE in name) and not name.startswith(_HUGE_PAGES)


def _validate_request(name: str, quantity: str, limit: str | None, path: str) -> Faults:
    may_be_less = may_overcommit(name)
    if limit is None:
        if not may_be_less:
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")
    elif not may_be_less and amount_of(quantity) != amount_of(limit):
        yield invalid(f"{path}.requests", quantity, f"must be equal to {name} limit of {limit}")
    elif amount_of(quantity) > amount_of(limit):
        yield invalid(f"{path}.requests", quantity, f"must be less than or equal to {name} limit of {limit}")


def _is_extended(name: str) -> bool:
    """Tell whether a resource is a device's: not Kubernetes' own, and short enough for a quota's name."""
    is_native = "/" not in name or _NATIVE in name
    return not is_native and not name.startswith("requests.") and not qualified_name(f"requests.{name}")


def _is_multiple(amount: Decimal, size: str) -> bool:
    if not QUANTITY.fullmatch(size):
        return False
    page = amount_of(size)
    return page > 0 and page % 1 == 0 and amount % page == 0


def _validate_claims(claims: Sequence[JSON], path: str, known: frozenset[str]) -> Faults:
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        where, name, request = f"{path}[{index}]", claim.get("name", ""), claim.get("request", "")
        if not name:
            yield required(where)
            continue
        key = f"{name}/{request}" if request else name
        if name in seen:
            yield duplicate(where, name)
        else:
            if request:
                yield from each_invalid(f"{where}.request", request, dns1123_label(request))
            if key in seen:
                yield duplicate(where, key)
            elif not request and any(each.startswith(f"{name}/") for each in seen):
                yield duplicate(where, name)
            seen.add(key)
        if name not in known:
            names = f": {', '.join(sorted(known))}" if known else " which is empty"
            yield not_found(where, name, f"must be one of the names in pod.spec.resourceClaims{names}")
