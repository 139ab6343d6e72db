"""ServiceCIDR (pkg/apis/networking/validation ValidateServiceCIDR, pkg/registry/networking/servicecidr)."""

from __future__ import annotations

from ipaddress import ip_network

from kubeapi.kind import STATUS, Kind
from kubeapi.meta import JSON
from kubeapi.objects.servicecidr import read_cidrs
from kubeapi.scheme import SERVICECIDRS
from kubeapi.validation.addresses import canonical_cidr
from kubeapi.validation.faults import Faults, each_invalid, invalid, required, struct_text

_PATH = "spec.cidrs"
_IMMUTABLE = "field is immutable"
_SAME_FAMILY = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


def _validate(obj: JSON) -> Faults:
    """Yield the faults of one or two CIDRs, of which each has its family."""
    cidrs = list(read_cidrs(obj))
    if not cidrs:
        yield required(_PATH, "at least one CIDR required")
        return
    if len(cidrs) > 2:
        yield invalid(_PATH, struct_text({"CIDRs": cidrs}), "may only hold up to 2 values")
        return
    faults = [canonical_cidr(each) for each in cidrs]
    for index, (each, found) in enumerate(zip(cidrs, faults, strict=True)):
        yield from each_invalid(f"{_PATH}[{index}]", each, found)
    if len(cidrs) == 2 and not any(faults) and len({ip_network(each).version for each in cidrs}) == 1:
        yield invalid(_PATH, cidrs, _SAME_FAMILY)


def _validate_update(new: JSON, old: JSON) -> Faults:
    """Yield the faults of changed CIDRs: only a second one may be added, of the other family."""
    cidrs, before = list(read_cidrs(new)), list(read_cidrs(old))
    if len(cidrs) not in (len(before), len(before) + 1):
        yield invalid(_PATH, cidrs, _IMMUTABLE)
        return
    for index, (each, kept) in enumerate(zip(cidrs, before, strict=False)):
        if each != kept:
            yield invalid(f"{_PATH}[{index}]", each, _IMMUTABLE)


KIND = Kind(
    resource=SERVICECIDRS,
    subresources=(STATUS,),
    validate=_validate,
    validate_update=_validate_update,
    lists_update_faults_first=True,
    apply_rank=20,
)
