"""Reads the cluster's subnets: each in 127.0.0.0/8, or in the exact plan outside, large enough, and disjoint.

In a dual-stack cluster services and pods have an IPv6 subnet too, written as with kubeadm: the IPv4 subnet, a comma,
the IPv6 subnet. IPv4 comes first, because the processes of pods listen at IPv4 addresses.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from kubesvc.addresses.plan import AddressPlan
from kubesvc.addresses.usual import read_ipv4
from kubesvc.config.fields import NO_LOOPBACK, Fields
from kubesvc.config.model import PLANS, Networking

_DEFAULT = Networking()
_LOCALHOST = IPv4Address("127.0.0.1")
_LOCALHOST_V6 = IPv6Address("::1")
_CIDR_MESSAGE = "must be a valid IPv4 CIDR value, (e.g. 127.9.8.0/24)"
_LACKS_IPV6 = "must have an IPv6 subnet after a comma, since the {} has one"
_RANGE = re.compile(r"(\d{1,5})\s*-\s*(\d{1,5})")
_BLOCK_PREFIX = 16
"""The host has one second octet for a subnet of a cluster with a block of its own (see ``network.plan``)."""
_FIRST_NODE_PORT = 1024
"""Node ports never move, so they must be ports that every user may bind."""


class _Subnet(NamedTuple):
    """Limits of one subnet: its ``longest`` prefix leaves enough addresses. ``default`` is kubeadm's or flannel's.

    ``place`` returns what an address plan has in place of a written one.
    ``prefixes_v6`` are the shortest and the longest prefix of its IPv6 part; ``example_v6`` is  if it may have none.
    """

    name: str
    default: str
    longest: int
    place: Callable[[AddressPlan, str], str]
    prefixes_v6: tuple[int, int] = (0, 0)
    example_v6: str = ""


_SERVICE = _Subnet("serviceSubnet", "10.96.0.0/12", 28, AddressPlan.service_subnet, (64, 124), "fd00:10:96::/108")
_POD = _Subnet("podSubnet", "10.244.0.0/16", 23, AddressPlan.pod_subnet, (32, 62), "fd00:10:244::/48")
_LOAD_BALANCER = _Subnet("loadBalancerSubnet", "203.0.113.0/24", 30, AddressPlan.subnet)
_KNOWN = (
    "plan",
    "serviceSubnet",
    "podSubnet",
    "loadBalancerSubnet",
    "loadBalancers",
    "dnsDomain",
    "serviceNodePortRange",
    "dnsAddress",
)


def read_networking(top: Fields) -> Networking:
    """Read ``networking`` and note its faults."""
    fields = top.fields("networking", _KNOWN)
    fields.choice("plan", PLANS[0], PLANS)
    kinds = (_SERVICE, _POD, _LOAD_BALANCER)
    (service, service_v6), (pod, pod_v6), (load_balancer, _) = pairs = [_read_pair(fields, each) for each in kinds]
    _check_overlaps(
        fields, [(kind.name, subnet) for kind, pair in zip(kinds, pairs, strict=True) for subnet in pair if subnet]
    )
    _check_families(fields, service if service_v6 is None else None, pod if pod_v6 is None else None)
    domain = fields.text("dnsDomain", _DEFAULT.dns_domain).removesuffix(".")
    fields.check_subdomain("dnsDomain", domain)
    return Networking(
        service_subnet=str(service),
        pod_subnet=str(pod),
        load_balancer_subnet=str(load_balancer),
        has_load_balancers=fields.switch("loadBalancers", default=True),
        dns_domain=domain,
        node_port_range=_read_range(fields),
        dns_address=_read_dns_address(fields, service),
        api_address=str(service[1]),
        service_subnet_v6=str(service_v6 or ""),
        pod_subnet_v6=str(pod_v6 or ""),
    )


def _check_families(fields: Fields, service: IPv4Network | None, pod: IPv4Network | None) -> None:
    """Note the subnet that has no IPv6 (given here) where the other has; both or none may have."""
    if service is not None and pod is None:
        fields.notes.invalid(fields.at("serviceSubnet"), str(service), _LACKS_IPV6.format("podSubnet"))
    if pod is not None and service is None:
        fields.notes.invalid(fields.at("podSubnet"), str(pod), _LACKS_IPV6.format("serviceSubnet"))


def _check_overlaps(fields: Fields, named: Sequence[tuple[str, IPv4Network | IPv6Network]]) -> None:
    for (one, subnet), (other, later) in itertools.combinations(named, 2):
        if subnet.version != later.version:
            continue
        here, later_here = _on_host(fields.plan, subnet), _on_host(fields.plan, later)
        if subnet.overlaps(later):
            fields.notes.invalid(fields.at(other), str(later), f"must not overlap with the {one} {subnet}")
        elif here.overlaps(later_here):
            detail = f"on this machine it is {later_here}, which must not overlap with {here} of the {one} {subnet}"
            fields.notes.invalid(fields.at(other), str(later), detail)


def _on_host(plan: AddressPlan, subnet: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return where the host has a subnet; the same one except in the exact plan."""
    if isinstance(subnet, IPv6Network) or not plan.is_exact:
        return subnet
    return IPv4Network(f"{plan.stand_in(str(subnet.network_address))}/{subnet.prefixlen}", strict=False)


def _read_pair(fields: Fields, kind: _Subnet) -> tuple[IPv4Network, IPv6Network | None]:
    """Return the IPv4 subnet, and the IPv6 subnet if the cluster is to be dual-stack."""
    field, written = fields.at(kind.name), fields.text(kind.name, str(_default(fields, kind)))
    first, comma, second = (each.strip() for each in written.partition(","))
    if not comma and ":" not in first:
        return _read_subnet(fields, kind, first), None
    if not kind.example_v6:
        fields.notes.invalid(field, written, f"{_CIDR_MESSAGE}; there is none for IPv6")
    elif ":" in first or not second or "," in second:
        default = _default(fields, kind)
        detail = f"must be an IPv4 subnet, or one of each family, IPv4 first, (e.g. {default},{kind.example_v6})"
        fields.notes.invalid(field, written, detail)
    else:
        return _read_subnet(fields, kind, first), _read_subnet_v6(fields, kind, second)
    return _default(fields, kind), None


def _default(fields: Fields, kind: _Subnet) -> IPv4Network:
    subnet = IPv4Network(kind.place(fields.plan, kind.default))
    is_too_large = fields.plan.is_exact and fields.plan.block and subnet.prefixlen < _BLOCK_PREFIX
    return next(subnet.subnets(new_prefix=_BLOCK_PREFIX)) if is_too_large else subnet


def _read_subnet(fields: Fields, kind: _Subnet, written: str) -> IPv4Network:
    field, default = fields.at(kind.name), _default(fields, kind)
    here = fields.moved(field, written, partial(kind.place, fields.plan))
    try:
        loose = IPv4Network(here, strict=False)
    except ValueError:
        fields.notes.invalid(field, written, _CIDR_MESSAGE)
        return default
    fault = ""
    if not 8 < loose.prefixlen <= kind.longest:
        fault = f"the prefix must be between 9 and {kind.longest}, inclusive"
    elif str(loose.network_address) != here.partition("/")[0]:
        fault = f'must not have bits set beyond the prefix length, should be "{loose}"'
    elif _LOCALHOST in loose:
        fault = f"must not contain {_LOCALHOST}"
    elif fields.plan.is_exact:
        fault = _fault_of_exact(fields.plan, loose)
    if fault:
        fields.notes.invalid(field, written, fault)
        return default
    return loose


def _fault_of_exact(plan: AddressPlan, subnet: IPv4Network) -> str:
    if subnet.is_loopback:
        return NO_LOOPBACK
    if plan.block and subnet.prefixlen < _BLOCK_PREFIX:
        return f"with --subnets auto this machine has a /{_BLOCK_PREFIX} for it, so the prefix must be at least that"
    return ""


def _read_subnet_v6(fields: Fields, kind: _Subnet, written: str) -> IPv6Network:
    field, default, (shortest, longest) = fields.at(kind.name), IPv6Network(kind.example_v6), kind.prefixes_v6
    try:
        loose = IPv6Network(written, strict=False)
    except ValueError:
        fields.notes.invalid(field, written, f"must be a valid IPv6 CIDR value, (e.g. {default})")
        return default
    fault = ""
    if not shortest <= loose.prefixlen <= longest:
        fault = f"the prefix must be between {shortest} and {longest}, inclusive"
    elif loose.network_address != IPv6Address(written.partition("/")[0]):
        fault = f'must not have bits set beyond the prefix length, should be "{loose}"'
    elif loose.is_multicast or loose.is_link_local or _LOCALHOST_V6 in loose:
        fault = f"must be a network of unicast addresses, (e.g. {default})"
    if fault:
        fields.notes.invalid(field, written, fault)
        return default
    return loose


def _read_range(fields: Fields) -> tuple[int, int]:
    name = "serviceNodePortRange"
    default = _DEFAULT.node_port_range
    text = fields.text(name, "-".join(map(str, default)))
    found = _RANGE.fullmatch(text)
    if found is None:
        fields.notes.invalid(fields.at(name), text, "must be two ports, (e.g. 30000-32767)")
        return default
    first, last = int(found[1]), int(found[2])
    if not _FIRST_NODE_PORT <= first <= last <= 65535:
        detail = f"must be between {_FIRST_NODE_PORT} and 65535, inclusive, the lower port first"
        fields.notes.invalid(fields.at(name), text, detail)
        return default
    return first, last


def _read_dns_address(fields: Fields, service: IPv4Network) -> str:
    default = str(service[10])
    written = fields.text("dnsAddress", default)
    path = fields.at("dnsAddress")
    moved = fields.moved(path, written, fields.plan.service_address) if read_ipv4(written) is not None else written
    address = fields.read_address(path, moved) or default
    if IPv4Address(address) not in service or address in (str(service[0]), str(service[1]), str(service[-1])):
        detail = f"must be a free address of the serviceSubnet {service}"
        fields.notes.invalid(fields.at("dnsAddress"), address, detail)
        return default
    return address
