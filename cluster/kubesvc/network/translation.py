"""Where the addresses of manifests move: those of Services and ServiceCIDRs, by the cluster's plan. Pure.

Addresses in Endpoints and EndpointSlices are real ones, and names of IPAddresses are names: they are never translated.
"""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.scheme import SERVICECIDRS, SERVICES
from kubeapi.status import FieldError
from kubeapi.validation.addresses import canonical_cidr, special_address
from kubesvc.addresses.plan import USUAL, AddressPlan


class Translation(NamedTuple):
    """An address of a manifest that is translated: its field, and its values before and after."""

    path: str
    before: str
    after: str

    def warning(self) -> FieldError:
        """Return the warning for the user, at the field."""
        return FieldError("Translated", self.path, str(self))

    def __str__(self) -> str:
        return f"{self.before} is {self.after} on this machine"


def translate(obj: JSON, plan: AddressPlan = USUAL) -> tuple[JSON, list[Translation]]:
    """Return a Service or ServiceCIDR with its addresses in 127.0.0.0/8, and the changes; others are left unchanged.

    Values that are not IPv4 addresses (None, IPv6, mistakes) are left to validation, and so are external addresses
    that must not get traffic: validation refuses them as they were written.
    """
    spec = obj.get("spec")
    by_kind = {SERVICES.kind: _with_addresses, SERVICECIDRS.kind: _with_cidrs}
    change = by_kind.get(obj["kind"]) if isinstance(obj.get("kind"), str) else None
    if change is None or not isinstance(spec, dict):
        return obj, []
    changed, translations = change(spec, plan)
    return ({**obj, "spec": {**spec, **changed}}, translations) if translations else (obj, [])


def _with_addresses(spec: JSON, plan: AddressPlan) -> tuple[JSON, list[Translation]]:
    """Return the fields of a Service that have addresses, as they are on this machine."""
    translations: list[Translation] = []
    changed: JSON = {}

    def translated(path: str, before: str) -> str:
        after = plan.service_address(before) if path.startswith("spec.clusterIP") else plan.address(before)
        if after != before:
            translations.append(Translation(path, before, after))
        return after

    for field in ("clusterIP", "loadBalancerIP"):
        if isinstance(value := spec.get(field), str):
            changed[field] = translated(f"spec.{field}", value)
    for field in ("clusterIPs", "externalIPs"):
        if isinstance(values := spec.get(field), list):
            changed[field] = [
                translated(f"spec.{field}[{index}]", value) if _is_movable(field, value) else value
                for index, value in enumerate(values)
            ]
    return changed, translations


def _with_cidrs(spec: JSON, plan: AddressPlan) -> tuple[JSON, list[Translation]]:
    """Return the IPv4 networks of a ServiceCIDR as they are on this machine; faulty ones are left to validation."""
    cidrs = spec.get("cidrs")
    if not isinstance(cidrs, list):
        return {}, []
    moved = [each if not isinstance(each, str) or canonical_cidr(each) else plan.service_subnet(each) for each in cidrs]
    pairs = enumerate(zip(cidrs, moved, strict=True))
    return {"cidrs": moved}, [Translation(f"spec.cidrs[{at}]", *pair) for at, pair in pairs if pair[0] != pair[1]]


def _is_movable(field: str, value: object) -> bool:
    return isinstance(value, str) and not (field == "externalIPs" and special_address(value))
