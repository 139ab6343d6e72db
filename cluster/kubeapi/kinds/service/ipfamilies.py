"""The IP families of a Service, from its ipFamilyPolicy, ipFamilies and cluster IPs, and the cluster's families.

Pure. Follows ``initIPFamilyFields`` of k8s.io/kubernetes ``pkg/registry/core/service/storage/alloc.go``: a
Service only changes between single and dual stack with its ipFamilyPolicy.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kinds.service.clusterips import validate_cluster_ips
from kubeapi.kinds.service.spec import family_of
from kubeapi.meta import JSON
from kubeapi.objects.service import HEADLESS
from kubeapi.status import FieldError
from kubeapi.validation.faults import Faults, invalid

SINGLE_STACK, PREFER_DUAL_STACK, REQUIRE_DUAL_STACK = "SingleStack", "PreferDualStack", "RequireDualStack"
_OTHER = {"IPv4": "IPv6", "IPv6": "IPv4"}
_POLICY = "spec.ipFamilyPolicy"
_FIELDS = ("clusterIPs", "ipFamilies")


def set_ip_families(spec: JSON, old: JSON | None, cluster_families: tuple[str, ...]) -> list[FieldError]:
    """Fill in ipFamilyPolicy and ipFamilies, in place, and return their faults.

    ``old`` is the stored spec, None for a new Service. ``cluster_families`` are those of the cluster's service CIDRs,
    its preferred one first.
    """
    if spec["type"] == "ExternalName" or (old is not None and _prefers_what_it_has(spec, old)):
        return []
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = _policy(spec, old)
    faults = list(validate_cluster_ips(spec))
    if faults:
        return faults
    faults = [*(_release_secondary(spec, old) if old is not None else ()), *_check_single(spec)]
    if not faults:
        faults += _infer_families(spec, cluster_families)
    if not faults:
        faults += _complete(spec, cluster_families)
    return faults


def _prefers_what_it_has(spec: JSON, old: JSON) -> bool:
    """Tell whether a PreferDualStack Service keeps its families, even if the cluster's families have changed."""
    is_preferred = spec.get("ipFamilyPolicy") == old.get("ipFamilyPolicy") == PREFER_DUAL_STACK
    return is_preferred and spec["type"] == old["type"] and all(_same(spec, old, field) for field in _FIELDS)


def _policy(spec: JSON, old: JSON | None) -> str:
    if old is not None and old.get("ipFamilyPolicy"):
        return str(old["ipFamilyPolicy"])
    return REQUIRE_DUAL_STACK if _is_selectorless_headless(spec) else SINGLE_STACK


def _release_secondary(spec: JSON, old: JSON) -> Faults:
    """Drop the secondary family when the policy becomes SingleStack; without that policy nothing is dropped."""
    is_single = spec["ipFamilyPolicy"] == SINGLE_STACK
    for field, what in zip(_FIELDS, ("cluster IP", "IP family"), strict=True):
        values, before = spec.get(field) or [], old.get(field) or []
        if is_single and values == before:
            spec[field] = values[:1]
        elif not is_single and values and len(values) < len(before):
            yield invalid(_POLICY, spec["ipFamilyPolicy"], f"must be 'SingleStack' to release the secondary {what}")


def _check_single(spec: JSON) -> Faults:
    for field, what in zip(_FIELDS, ("cluster IPs", "IP families"), strict=True):
        if spec["ipFamilyPolicy"] == SINGLE_STACK and len(spec.get(field) or ()) == 2:
            detail = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
            yield invalid(_POLICY, spec["ipFamilyPolicy"], detail)


def _infer_families(spec: JSON, cluster_families: tuple[str, ...]) -> Iterator[FieldError]:
    """Add the families of the cluster IPs."""
    families: list[str] = spec.setdefault("ipFamilies", [])
    for index, address in enumerate(spec.get("clusterIPs") or ()):
        if address == HEADLESS or index < len(families):
            continue
        family = family_of(address)
        if family in cluster_families:
            families.append(family)
        else:
            detail = f"{family} is not configured on this cluster"
            yield invalid(f"spec.clusterIPs[{index}]", spec["clusterIPs"], detail)


def _complete(spec: JSON, cluster_families: tuple[str, ...]) -> Iterator[FieldError]:
    """Add the cluster's first family to a Service without one, and the second if it may be dual-stack."""
    families: list[str] = spec["ipFamilies"]
    is_anywhere = _is_selectorless_headless(spec)
    if not is_anywhere:
        if spec["ipFamilyPolicy"] == REQUIRE_DUAL_STACK and len(cluster_families) < 2:
            yield invalid(_POLICY, REQUIRE_DUAL_STACK, "this cluster is not configured for dual-stack services")
        for index, family in enumerate(families):
            if family not in cluster_families:
                yield invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
    if not families:
        families.append(cluster_families[0])
    if spec["ipFamilyPolicy"] != SINGLE_STACK and len(families) == 1 and (is_anywhere or len(cluster_families) == 2):
        families.append(_OTHER[families[0]])


def _is_selectorless_headless(spec: JSON) -> bool:
    """Tell whether a Service only publishes given endpoints, which may be of any family."""
    return spec.get("clusterIP") == HEADLESS and not spec.get("selector")


def _same(spec: JSON, old: JSON, field: str) -> bool:
    return (spec.get(field) or []) == (old.get(field) or [])
