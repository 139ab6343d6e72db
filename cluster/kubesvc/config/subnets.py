"""The cluster's subnets: each in 127.0.0.0/8, large enough, and apart from the others."""

from __future__ import annotations

import itertools
import re
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from kubesvc.config.fields import Fields
from kubesvc.config.model import Networking
from kubesvc.manifests.faults import invalid

_DEFAULT = Networking()
_LOCALHOST = IPv4Address("127.0.0.1")
_CIDR_MESSAGE = "must be a valid IPv4 CIDR value, (e.g. 127.9.8.0/24)"
_RANGE = re.compile(r"(\d{1,5})\s*-\s*(\d{1,5})")
_FIRST_NODE_PORT = 1024
"""Node ports do not move, so they must be ones that everybody may bind."""


class _Subnet(NamedTuple):
    """What one subnet may be: ``longest`` prefix, so that it has room for what must be in it."""

    name: str
    default: str
    longest: int


_SERVICE = _Subnet("serviceSubnet", _DEFAULT.service_subnet, 28)
_POD = _Subnet("podSubnet", _DEFAULT.pod_subnet, 23)
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
    subnets = [(each, _read_subnet(fields, each)) for each in (_SERVICE, _POD, _LOAD_BALANCER)]
    for (one, subnet), (other, later) in itertools.combinations(subnets, 2):
        if subnet.overlaps(later):
            detail = f"must not overlap with the {one.name} {subnet}"
            fields.notes.fault(invalid(fields.at(other.name), str(later), detail))
    service, pod, load_balancer = (subnet for _, subnet in subnets)
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
    )


def _read_subnet(fields: Fields, kind: _Subnet) -> IPv4Network:
    field, default = fields.at(kind.name), IPv4Network(kind.default)
    written = fields.text(kind.name, kind.default)
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
