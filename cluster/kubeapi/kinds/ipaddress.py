"""IPAddress (pkg/apis/networking/validation ValidateIPAddress, pkg/registry/networking/ipaddress)."""

from __future__ import annotations

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.scheme import IPADDRESSES
from kubeapi.validation.addresses import canonical_address
from kubeapi.validation.faults import Faults, each_invalid, invalid, required, struct_text
from kubeapi.validation.names import dns1123_subdomain, path_segment

_PATH = "spec.parentRef"
_FIELDS = ("group", "resource", "namespace", "name")


def _validate(obj: JSON) -> Faults:
    """Yield the faults of the reference to what has the address."""
    parent = map_at(obj, "spec").get("parentRef")
    if parent is None:
        yield required(_PATH)
        return
    if group := parent.get("group"):
        yield from each_invalid(f"{_PATH}.group", group, dns1123_subdomain(group))
    for field in ("resource", "name", "namespace"):
        if value := parent.get(field):
            yield from each_invalid(f"{_PATH}.{field}", value, path_segment(value))
        elif field != "namespace":
            yield required(f"{_PATH}.{field}")


def _validate_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault if the reference changes."""
    parent = map_at(new, "spec").get("parentRef")
    if parent != map_at(old, "spec").get("parentRef"):
        fields = {name.capitalize(): map_at(new, "spec", "parentRef").get(name, "") for name in _FIELDS}
        yield invalid(_PATH, struct_text(fields) if parent else None, "field is immutable")


KIND = Kind(
    resource=IPADDRESSES,
    validate_name=canonical_address,
    validate=_validate,
    validate_update=_validate_update,
    lists_update_faults_first=True,
    apply_rank=25,
    is_authored=False,
)
