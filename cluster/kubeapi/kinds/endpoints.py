"""Endpoints (pkg/apis/core/validation ValidateEndpoints, pkg/registry/core/endpoint/strategy.go)."""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import ENDPOINTS
from kubeapi.status import FieldError
from kubeapi.validation.addresses import address, address_warnings, special_address
from kubeapi.validation.faults import Faults, each_invalid, one_of, required
from kubeapi.validation.names import (
    PROTOCOLS,
    dns1123_label,
    dns1123_subdomain,
    port_number,
    qualified_name,
)


def _set_defaults(obj: JSON) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            port["protocol"] = port.get("protocol") or "TCP"


def _validate(obj: JSON) -> Faults:
    """Yield every fault of an Endpoints object but those of its metadata."""
    for index, subset in enumerate(obj.get("subsets", ())):
        path = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(path, "must specify `addresses` or `notReadyAddresses`")
        for field in ("addresses", "notReadyAddresses"):
            for number, each in enumerate(subset.get(field, ())):
                yield from _validate_endpoint_address(each, f"{path}.{field}[{number}]")
        ports = subset.get("ports", ())
        for number, port in enumerate(ports):
            yield from _validate_subset_port(port, f"{path}.ports[{number}]", is_name_required=len(ports) > 1)


def _validate_endpoint_address(endpoint: JSON, path: str) -> Faults:
    ip = endpoint.get("ip", "")
    yield from each_invalid(f"{path}.ip", ip, address(ip))
    if endpoint.get("hostname"):
        yield from each_invalid(f"{path}.hostname", endpoint["hostname"], dns1123_label(endpoint["hostname"]))
    if "nodeName" in endpoint:
        yield from each_invalid(f"{path}.nodeName", endpoint["nodeName"], dns1123_subdomain(endpoint["nodeName"]))
    yield from each_invalid(f"{path}.ip", ip, special_address(ip))


def _validate_subset_port(port: JSON, path: str, *, is_name_required: bool) -> Faults:
    name, number = port.get("name", ""), port.get("port", 0)
    if name:
        yield from each_invalid(f"{path}.name", name, dns1123_label(name))
    elif is_name_required:
        yield required(f"{path}.name")
    yield from each_invalid(f"{path}.port", number, port_number(number))
    yield from one_of(f"{path}.protocol", port["protocol"], PROTOCOLS)
    if "appProtocol" in port:
        yield from each_invalid(f"{path}.appProtocol", port["appProtocol"], qualified_name(port["appProtocol"]))


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    for index, subset in enumerate(after.get("subsets", ())):
        for field in ("addresses", "notReadyAddresses"):
            for number, each in enumerate(subset.get(field, ())):
                yield from address_warnings(f"subsets[{index}].{field}[{number}].ip", each.get("ip", ""))


KIND = Kind(
    resource=ENDPOINTS,
    deprecation="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    set_defaults=_set_defaults,
    allows_create_on_update=True,
    validate=_validate,
    warnings=_warnings,
    apply_rank=40,
)
