"""What clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy must be, and how they may change.

Follows ``ValidateServiceClusterIPsRelatedFields`` and ``ValidateServiceUpdate`` of pkg/apis/core/validation.
"""

from __future__ import annotations

from kubeapi.kinds.service.spec import family_of
from kubeapi.meta import JSON
from kubeapi.objects.service import HEADLESS
from kubeapi.validation.addresses import address
from kubeapi.validation.faults import Faults, duplicate, each_invalid, invalid, one_of

_FAMILIES = frozenset(("IPv4", "IPv6"))
_FAMILY_POLICIES = frozenset(("SingleStack", "PreferDualStack", "RequireDualStack"))


def validate_cluster_ips(spec: JSON) -> Faults:
    """Yield the faults of clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy that do not depend on the cluster."""
    addresses: list[str] = spec.get("clusterIPs", [])
    cluster_ip, policy = spec.get("clusterIP", ""), spec.get("ipFamilyPolicy")
    if addresses and not cluster_ip:
        yield invalid("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified")
    elif addresses and addresses[0] != cluster_ip:
        yield invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")
    families: list[str] = spec.get("ipFamilies", [])
    for index, family in enumerate(families):
        yield from one_of(f"spec.ipFamilies[{index}]", family, _FAMILIES)
        if family in families[:index]:
            yield duplicate(f"spec.ipFamilies[{index}]", family)
    if policy is not None:
        yield from one_of("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES)
    yield from _validate_addresses(addresses, families)


def _validate_addresses(addresses: list[str], families: list[str]) -> Faults:
    is_headless = addresses[:1] == [HEADLESS]
    faults = [
        fault
        for index, each in enumerate(addresses)
        if index or not is_headless
        for fault in each_invalid(f"spec.clusterIPs[{index}]", each, address(each))
    ]
    if is_headless and len(addresses) > 1:
        faults.insert(0, invalid("spec.clusterIPs", addresses, "'None' must be the first and only value"))
    yield from faults
    if len(addresses) > 2:
        yield invalid("spec.clusterIPs", addresses, "may only hold up to 2 values")
    if faults or is_headless:
        return
    if len(addresses) > 1 and not {"IPv4", "IPv6"} <= {family_of(each) for each in addresses}:
        yield invalid("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family")
    for index, (each, family) in enumerate(zip(addresses, families, strict=False)):
        if family in _FAMILIES and family != family_of(each):
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            yield invalid(f"spec.clusterIPs[{index}]", each, detail)


def validate_kept_addresses(spec: JSON, before: JSON) -> Faults:
    """Yield the faults of changed cluster IPs: only the secondary one may be added, or removed with SingleStack."""
    addresses: list[str] = spec.get("clusterIPs") or []
    kept: list[str] = before.get("clusterIPs") or []
    for index, (each, old) in enumerate(zip(addresses, kept, strict=False)):
        if each != old:
            yield invalid(f"spec.clusterIPs[{index}]", addresses, "may not change once set")
    if kept and not addresses:
        yield invalid("spec.clusterIPs[0]", None, "primary clusterIP can not be unset")
    elif len(addresses) < len(kept) and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        yield invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail)


def validate_kept_families(spec: JSON, before: JSON) -> Faults:
    """Yield the faults of changed IP families; a headless Service may change them freely."""
    if HEADLESS in (spec.get("clusterIP"), before.get("clusterIP")):
        return
    families: list[str] = spec.get("ipFamilies") or []
    kept: list[str] = before.get("ipFamilies") or []
    for each, old in zip(families, kept, strict=False):
        if each != old:
            yield invalid("spec.ipFamilies[0]", families, "may not change once set")
    if families and len(families) < len(kept) and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        yield invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail)
