"""The cluster's subnets: each in 127.0.0.0/8, large enough, and apart from the others.

A dual-stack cluster has services and pods in IPv6 subnets besides, as kubeadm writes it: the IPv4 subnet, a comma, the
IPv6 subnet. IPv4 comes first, since that is where the processes are that stand for pods.
"""

from __future__ import annotations

import itertools
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from kubesvc.config.fields import Fields
from kubesvc.config.model import Networking
from kubesvc.manifests.faults import invalid

_DEFAULT = Networking()
_LOCALHOST = IPv4Address("127.0.0.1")
_LOCALHOST_V6 = IPv6Address("::1")
_CIDR_MESSAGE = "must be a valid IPv4 CIDR value, (e.g. 127.9.8.0/24)"
_CIDR_V6_MESSAGE = "must be a valid IPv6 CIDR value, (e.g. fd00:10:96::/108)"
_RANGE = re.compile(r"(\d{1,5})\s*-\s*(\d{1,5})")
_FIRST_NODE_PORT = 1024
"""Node ports do not move, so they must be ones that everybody may bind."""


class _Subnet(NamedTuple):
    """What one subnet may be: ``longest`` prefix, so that it has room for what must be in it.

    ``prefixes_v6`` are the shortest and the longest of its IPv6 part, where it may have one.
    """

    name: str
    default: str
    longest: int
    prefixes_v6: tuple[int, int] | None = None


_SERVICE = _Subnet("serviceSubnet", _DEFAULT.service_subnet, 28, (64, 124))
_POD = _Subnet("podSubnet", _DEFAULT.pod_subnet, 23, (32, 62))
_LOAD_BALANCER = _Subnet("loadBalancerSubnet", _DEFAULT.load_balancer_subnet, 30)
_KNOWN = (
    "serviceSubnet",
    "podSubnet",
    "loadBalancerSubnet",
    "dnsDomain",
    "serviceNodePortRange",
    "dnsAddress",
)


def read_networking(top: Fields) -> Networking:
    """Read ``networking`` and note what is wrong with it."""
    fields = top.fields("networking", _KNOWN)
    pairs = [_read_pair(fields, each) for each in (_SERVICE, _POD, _LOAD_BALANCER)]
    service, pod, load_balancer = (pair[0] for pair in pairs)
    subnets = [
        (each, subnet)
        for each, pair in zip((_SERVICE, _POD, _LOAD_BALANCER), pairs, strict=True)
        for subnet in pair
        if subnet
    ]
    for (one, subnet), (other, later) in itertools.combinations(subnets, 2):
        if subnet.version == later.version and subnet.overlaps(later):  # type: ignore[arg-type]  # of one version
            detail = f"must not overlap with the {one.name} {subnet}"
            fields.notes.fault(invalid(fields.at(other.name), str(later), detail))
    service_v6, pod_v6 = pairs[0][1], pairs[1][1]
    if (service_v6 is None) != (pod_v6 is None):
        lacking, value, other = (_SERVICE, service, _POD) if service_v6 is None else (_POD, pod, _SERVICE)
        detail = f"must have an IPv6 subnet after a comma too, since the {other.name} has one"
        fields.notes.fault(invalid(fields.at(lacking.name), str(value), detail))
    domain = fields.text("dnsDomain", _DEFAULT.dns_domain).removesuffix(".")
    fields.check_subdomain("dnsDomain", domain)
    return Networking(
        service_subnet=str(service),
        pod_subnet=str(pod),
        load_balancer_subnet=str(load_balancer),
        dns_domain=domain,
        node_port_range=_read_range(fields),
        dns_address=_read_dns_address(fields, service),
        api_address=str(service[1]),
        service_subnet_v6=str(service_v6 or ""),
        pod_subnet_v6=str(pod_v6 or ""),
    )


def _read_pair(fields: Fields, kind: _Subnet) -> tuple[IPv4Network, IPv6Network | None]:
    """Return the IPv4 subnet, and the IPv6 subnet if the cluster is to be dual-stack."""
    field, written = fields.at(kind.name), fields.text(kind.name, kind.default)
    first, comma, second = (each.strip() for each in written.partition(","))
    if not comma and ":" not in first:
        return _read_subnet(fields, kind, first), None
    if kind.prefixes_v6 is None:
        fields.notes.fault(invalid(field, written, f"may be of IPv4 only: {_CIDR_MESSAGE}"))
    elif ":" in first or not second or "," in second:
        detail = "must be an IPv4 subnet, for two families followed by a comma and an IPv6 subnet, (e.g. "
        fields.notes.fault(invalid(field, written, f"{detail}{kind.default},fd00:10::/{kind.prefixes_v6[1]})"))
    else:
        return _read_subnet(fields, kind, first), _read_subnet_v6(fields, field, second, kind.prefixes_v6)
    return IPv4Network(kind.default), None


def _read_subnet(fields: Fields, kind: _Subnet, written: str) -> IPv4Network:
    field, default = fields.at(kind.name), IPv4Network(kind.default)
    here = fields.moved(field, written)
    try:
        loose = IPv4Network(here, strict=False)
    except ValueError:
        fields.notes.fault(invalid(field, written, _CIDR_MESSAGE))
        return default
    fault = ""
    if not 8 < loose.prefixlen <= kind.longest:
        fault = f"the prefix must be between 9 and {kind.longest}, inclusive"
    elif str(loose.network_address) != here.partition("/")[0]:
        fault = f'must not have bits set beyond the prefix length, should be "{loose}"'
    elif _LOCALHOST in loose:
        fault = f"must not contain {_LOCALHOST}"
    if fault:
        fields.notes.fault(invalid(field, written, fault))
        return default
    return loose


def _read_subnet_v6(fields: Fields, field: str, written: str, prefixes: tuple[int, int]) -> IPv6Network | None:
    try:
        loose = IPv6Network(written, strict=False)
    except ValueError:
        fields.notes.fault(invalid(field, written, _CIDR_V6_MESSAGE))
        return None
    fault = ""
    if not prefixes[0] <= loose.prefixlen <= prefixes[1]:
        fault = f"the prefix must be between {prefixes[0]} and {prefixes[1]}, inclusive"
    elif loose.network_address != IPv6Address(written.partition("/")[0]):
        fault = f'must not have bits set beyond the prefix length, should be "{loose}"'
    elif loose.is_multicast or loose.is_link_local or loose.is_unspecified or _LOCALHOST_V6 in loose:
        fault = "must be a unicast network, (e.g. of fd00::/8, which is for private use)"
    if fault:
        fields.notes.fault(invalid(field, written, fault))
        return None
    return loose


def _read_range(fields: Fields) -> tuple[int, int]:
    name = "serviceNodePortRange"
    default = _DEFAULT.node_port_range
    text = fields.text(name, "-".join(map(str, default)))
    found = _RANGE.fullmatch(text)
    if found is None:
        fields.notes.fault(invalid(fields.at(name), text, "must be two ports, (e.g. 30000-32767)"))
        return default
    first, last = int(found[1]), int(found[2])
    if not _FIRST_NODE_PORT <= first <= last <= 65535:
        detail = f"must be between {_FIRST_NODE_PORT} and 65535, inclusive, the lower port first"
        fields.notes.fault(invalid(fields.at(name), text, detail))
        return default
    return first, last


def _read_dns_address(fields: Fields, service: IPv4Network) -> str:
    default = str(service[10])
    address = fields.address("dnsAddress", default)
    if IPv4Address(address) not in service or address in (str(service[0]), str(service[1]), str(service[-1])):
        detail = f"must be a free address of the serviceSubnet {service}"
        fields.notes.fault(invalid(fields.at("dnsAddress"), address, detail))
        return default
    return address
