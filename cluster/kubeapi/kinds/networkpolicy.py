"""NetworkPolicy (pkg/apis/networking/v1/defaults.go and validation, pkg/registry/networking/networkpolicy)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from kubeapi.kind import Kind, content_of
from kubeapi.meta import JSON
from kubeapi.objects.networkpolicy import EGRESS, INGRESS
from kubeapi.objects.parts import list_at, map_at
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import NETWORKPOLICIES
from kubeapi.status import FieldError
from kubeapi.validation.addresses import cidr, cidr_warnings, is_cidr
from kubeapi.validation.faults import Faults, each_invalid, forbidden, invalid, required, unsupported
from kubeapi.validation.metadata import validate_selector
from kubeapi.validation.names import PROTOCOLS, port_name, port_number

_TYPES = (INGRESS, EGRESS)
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def _set_defaults(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for direction, _ in _DIRECTIONS:
        for rule in list_at(spec, direction):
            for port in list_at(rule, "ports"):
                if port.get("protocol") is None:
                    port["protocol"] = "TCP"
    if not spec.get("policyTypes"):
        spec["policyTypes"] = [INGRESS, EGRESS] if spec.get("egress") else [INGRESS]


def _validate(obj: JSON) -> Faults:
    spec = obj["spec"]
    yield from validate_selector(map_at(spec, "podSelector"), "spec.podSelector")
    for direction, peers in _DIRECTIONS:
        for index, rule in enumerate(list_at(spec, direction)):
            path = f"spec.{direction}[{index}]"
            for number, port in enumerate(list_at(rule, "ports")):
                yield from _validate_port(port, f"{path}.ports[{number}]")
            for number, peer in enumerate(list_at(rule, peers)):
                yield from _validate_peer(peer, f"{path}.{peers}[{number}]")
    yield from _validate_types(list_at(spec, "policyTypes"))


def _validate_types(types: Sequence[str]) -> Faults:
    if len(types) > len(_TYPES):
        yield invalid("spec.policyTypes", list(types), "may not specify more than two policyTypes")
        return
    for index, each in enumerate(types):
        if each not in _TYPES:
            yield unsupported(f"spec.policyTypes[{index}]", each, _TYPES)


def _validate_port(port: JSON, path: str) -> Faults:
    if port["protocol"] not in PROTOCOLS:
        yield unsupported(f"{path}.protocol", port["protocol"], ("TCP", "UDP", "SCTP"))
    number, end = port.get("port"), port.get("endPort")
    if isinstance(number, int):
        yield from each_invalid(f"{path}.port", number, port_number(number))
        if end is not None:
            if end < number:
                yield invalid(f"{path}.endPort", end, "must be greater than or equal to `port`")
            yield from each_invalid(f"{path}.endPort", end, port_number(end))
        return
    if end is not None:
        lacking = "non-numeric" if number is not None else "not specified"
        yield invalid(f"{path}.endPort", end, f"may not be specified when `port` is {lacking}")
    if number is not None:
        yield from each_invalid(f"{path}.port", number, port_name(number))


def _validate_peer(peer: JSON, path: str) -> Faults:
    selectors = [each for each in ("podSelector", "namespaceSelector") if peer.get(each) is not None]
    for each in selectors:
        yield from validate_selector(peer[each], f"{path}.{each}")
    block = peer.get("ipBlock")
    if block is not None:
        yield from _validate_block(block, f"{path}.ipBlock")
        if selectors:
            yield forbidden(path, "may not specify both ipBlock and another peer")
    elif not selectors:
        yield required(path, "must specify a peer")


def _validate_block(block: JSON, path: str) -> Faults:
    if not block.get("cidr"):
        yield required(f"{path}.cidr")
        return
    yield from each_invalid(f"{path}.cidr", block["cidr"], cidr(block["cidr"]))
    whole = _network(block["cidr"])
    for index, each in enumerate(list_at(block, "except") if whole is not None else ()):
        where = f"{path}.except[{index}]"
        yield from each_invalid(where, each, cidr(each))
        part = _network(each)
        if part is not None and whole is not None and not _is_strict_part(part, whole):
            yield invalid(where, each, "must be a strict subset of `cidr`")


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False) if is_cidr(text) else None
    except ValueError:  # leading zeros, of which there is a fault
        return None


def _is_strict_part(part: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    is_alike = part.version == whole.version and part.network_address in whole
    return is_alike and whole.prefixlen < part.prefixlen


def _warnings(before: JSON | None, after: JSON, config: RegistryConfig) -> Iterator[FieldError]:
    for direction, peers in _DIRECTIONS:
        for index, rule in enumerate(list_at(after["spec"], direction)):
            for number, peer in enumerate(list_at(rule, peers)):
                path, block = f"spec.{direction}[{index}].{peers}[{number}].ipBlock", map_at(peer, "ipBlock")
                yield from cidr_warnings(f"{path}.cidr", block.get("cidr", ""))
                for place, each in enumerate(list_at(block, "except")):
                    yield from cidr_warnings(f"{path}.except[{place}]", each)


KIND = Kind(
    resource=NETWORKPOLICIES,
    set_defaults=_set_defaults,
    warnings=_warnings,
    desired_state=content_of,
    validate=_validate,
    requires_spec=True,
)
