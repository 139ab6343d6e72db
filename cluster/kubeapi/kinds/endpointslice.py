"""EndpointSlice (pkg/apis/discovery/validation, pkg/apis/discovery/v1/defaults.go, pkg/registry/discovery)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubeapi.kind import Kind, content_of
from kubeapi.meta import JSON, labels_of
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import ENDPOINTSLICES
from kubeapi.status import FieldError
from kubeapi.validation.addresses import address, address_warnings, canonical_address, special_address
from kubeapi.validation.faults import (
    Faults,
    duplicate,
    each_invalid,
    invalid,
    one_of,
    required,
    too_many,
    unsupported,
)
from kubeapi.validation.names import (
    PROTOCOLS,
    dns1123_label,
    dns1123_subdomain,
    label_value,
    qualified_name,
)
from kubeapi.validation.warnings import verbatim

_ADDRESS_TYPES = frozenset(("FQDN", "IPv4", "IPv6"))
_MAX_ENDPOINTS = 1000
_MAX_ADDRESSES = 100
_MAX_PORTS = 20_000
_MAX_HINTS = 8


def _validate(obj: JSON) -> Faults:
    """Yield every fault of an EndpointSlice but those of its metadata."""
    family = obj.get("addressType", "")
    if not family:
        yield required("addressType")
    elif family not in _ADDRESS_TYPES:
        yield unsupported("addressType", family, _ADDRESS_TYPES)
    yield from _validate_slice_ports(obj.get("ports") or ())
    endpoints = obj.get("endpoints") or ()
    if len(endpoints) > _MAX_ENDPOINTS:
        yield too_many("endpoints", len(endpoints), _MAX_ENDPOINTS)
        return
    for index, endpoint in enumerate(endpoints):
        yield from _validate_endpoint(endpoint, f"endpoints[{index}]", family)


def _validate_endpoint(endpoint: JSON, path: str, family: str) -> Faults:
    addresses = endpoint.get("addresses") or ()
    if not addresses:
        yield required(f"{path}.addresses", "must contain at least 1 address")
    elif len(addresses) > _MAX_ADDRESSES:
        yield too_many(f"{path}.addresses", len(addresses), _MAX_ADDRESSES)
    for index, each in enumerate(addresses):
        yield from _validate_address(each, f"{path}.addresses", index, family)
    for field, judge in (("nodeName", dns1123_subdomain), ("hostname", dns1123_label)):
        if field in endpoint:
            yield from each_invalid(f"{path}.{field}", endpoint[field], judge(endpoint[field]))
    hints = endpoint.get("hints", {})
    for field, judge in (("forZones", label_value), ("forNodes", dns1123_subdomain)):
        names = [each.get("name", "") for each in hints.get(field, ())]
        if len(names) > _MAX_HINTS:
            yield too_many(f"{path}.hints.{field}", len(names), _MAX_HINTS)
        seen: set[str] = set()
        for index, name in enumerate(names):
            where = f"{path}.hints.{field}[{index}].name"
            if name in seen:
                yield duplicate(where, name)
            seen.add(name)
            yield from each_invalid(where, name, judge(name))


def _validate_address(value: str, path: str, index: int, family: str) -> Faults:
    """Yield the faults of one address; the path of the wrong family's fault has no index in the real server."""
    where = f"{path}[{index}]"
    if family == "FQDN":
        yield from each_invalid(where, value, _domain_faults(value.removesuffix(".")))
    elif family in _ADDRESS_TYPES:
        faults = address(value) if family == "IPv4" else canonical_address(value)
        yield from each_invalid(where, value, faults)
        if not faults:
            if (":" in value) != (family == "IPv6"):
                yield invalid(path, value, f"must be an {family} address")
            yield from each_invalid(where, value, special_address(value))


def _domain_faults(name: str) -> tuple[str, ...]:
    faults = dns1123_subdomain(name)
    return faults or (() if "." in name else ("should be a domain with at least two segments separated by dots",))


def _validate_slice_ports(ports: Sequence[JSON]) -> Faults:
    if len(ports) > _MAX_PORTS:
        yield too_many("ports", len(ports), _MAX_PORTS)
    names: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"ports[{index}]", port.get("name", "")
        if name:
            yield from each_invalid(f"{path}.name", name, dns1123_label(name))
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
        yield from one_of(f"{path}.protocol", port["protocol"], PROTOCOLS)
        if "appProtocol" in port:
            yield from each_invalid(f"{path}.appProtocol", port["appProtocol"], qualified_name(port["appProtocol"]))


def _validate_update(new: JSON, old: JSON) -> Faults:
    """Yield a fault if the address type changes."""
    if new.get("addressType") != old.get("addressType"):
        yield invalid("addressType", new.get("addressType", ""), "field is immutable")


def _set_defaults(obj: JSON) -> None:
    for port in obj.get("ports", ()):
        port.setdefault("name", "")
        port["protocol"] = port.get("protocol") or "TCP"


def _desired_state(obj: JSON) -> object:
    """Return also the labels: endpointslice controllers copy the Service's into them."""
    return content_of(obj), labels_of(obj)


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    family = after.get("addressType")
    if family == "FQDN":
        if before is None:
            yield verbatim("addressType", "spec.addressType: FQDN endpoints are deprecated")
        return
    for index, endpoint in enumerate(after.get("endpoints") or ()):
        for number, each in enumerate(endpoint.get("addresses") or ()):
            yield from address_warnings(f"endpoints[{index}].addresses[{number}]", each)


KIND = Kind(
    resource=ENDPOINTSLICES,
    set_defaults=_set_defaults,
    desired_state=_desired_state,
    validate=_validate,
    validate_update=_validate_update,
    warnings=_warnings,
    apply_rank=50,
)
