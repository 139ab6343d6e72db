"""Reads the nodes: names, labels, capacities, and addresses, of IPv4 and in a dual-stack cluster also of IPv6.

The IPv6 loopback network has one address, ``::1``: the first node gets it, so that node ports answer there without
set-up. The other nodes' IPv6 addresses need a local route on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from kubeapi.serialization.quantity import QUANTITY, amount_of
from kubeapi.validation.faults import required
from kubeapi.validation.names import qualified_name
from kubehost.addresses import LOCALHOST, is_loopback
from kubesvc.config.fields import NO_LOOPBACK, Fields
from kubesvc.config.model import ClusterConfiguration, Networking, NodeConfiguration

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_RULE = "letters, digits, '-', '_' and '.', 63 at the most, beginning and ending with a letter or digit"
_POD_CIDR_V6_PREFIX = 64
"""--node-cidr-mask-size-ipv6 of kube-controller-manager."""


def read_nodes(top: Fields, networking: Networking) -> tuple[NodeConfiguration, ...]:
    """Read ``nodes`` (two by default) and note their faults."""
    entries = top.each("nodes", ("name", "address", "zone", "region", "labels", "capacity"))
    addresses: list[tuple[str, str]] = []
    known: list[tuple[str, Mapping[str, str], Mapping[str, str]]] = []
    seen_names: set[str] = set()
    seen_addresses: set[str] = set()
    for index, entry in enumerate(entries, 1):
        name = entry.name()
        entry.unique("name", name, seen_names)
        pair = _read_addresses(entry, index, networking)
        for address in filter(None, pair):
            entry.unique("address", address, seen_addresses)
        addresses.append(pair)
        known.append((name, _node_labels(entry), _capacity(entry)))
    if not entries:
        if top.is_empty("nodes"):
            top.notes.fault(required("nodes", "must have at least one node"))
        known = [(each.name, each.labels, each.capacity) for each in ClusterConfiguration().nodes]
        addresses = [_default_addresses(top, index, networking) for index in range(1, len(known) + 1)]
    cidrs = _pod_cidrs(top, networking, len(addresses))
    return tuple(
        NodeConfiguration(name, one, cidr, labels, other, cidr_v6, capacity)
        for (name, labels, capacity), (one, other), (cidr, cidr_v6) in zip(known, addresses, cidrs, strict=True)
    )


def _node_labels(entry: Fields) -> dict[str, str]:
    """Return a node's labels, with those that ``zone`` and ``region`` stand for."""
    labels = entry.text_map("labels")
    for name in ("zone", "region"):
        label, value = f"topology.kubernetes.io/{name}", entry.text(name)
        if value:
            if labels.get(label, value) != value:
                entry.notes.invalid(entry.at(name), value, f"labels have {label}: {labels[label]}")
            labels[label] = value
    for label, value in labels.items():
        if not _LABEL_VALUE.fullmatch(value):
            entry.notes.invalid(entry.at("labels"), value, f"is not a value for the label {label}: {_LABEL_RULE}")
    return labels


def _capacity(entry: Fields) -> dict[str, str]:
    """Return what a node has for pods in place of the machine's."""
    capacity = entry.quantities("capacity")
    for name, quantity in capacity.items():
        if wrong := qualified_name(name) or _wrong_quantity(name, quantity):
            entry.notes.invalid(f"{entry.at('capacity')}[{name}]", quantity, wrong[0])
    return capacity


def _wrong_quantity(name: str, quantity: str) -> list[str]:
    if not QUANTITY.fullmatch(quantity) or not any(map(str.isdigit, quantity)):
        return ["must be a quantity, (e.g. 4, 500m or 16Gi)"]
    if amount_of(quantity) < 0:
        return ["must be greater than or equal to 0"]
    return ["must be an integer"] if name != "cpu" and amount_of(quantity) % 1 else []


def _default_addresses(fields: Fields, index: int, networking: Networking) -> tuple[str, str]:
    """Return the default addresses of node ``index``, which counts from 1; "" for no IPv6 address."""
    number = (100 + index) % 256
    address = fields.plan.address(f"192.168.0.{number}")
    if not networking.service_subnet_v6:
        return address, ""
    return address, "::1" if index == 1 else f"fd00:10:168::{number}"


def _read_addresses(entry: Fields, index: int, networking: Networking) -> tuple[str, str]:
    """Read ``address``: IPv4, or one of each family separated by a comma, as kubelet's --node-ip."""
    written, field = entry.text("address"), entry.at("address")
    default, default_v6 = _default_addresses(entry, index, networking)
    first, comma, second = (each.strip() for each in written.partition(","))
    if comma and not default_v6:
        detail = "must be one IPv4 address, since the cluster's subnets are of IPv4 alone, (e.g. 127.9.8.7)"
        entry.notes.invalid(field, written, detail)
    elif ":" in first or (comma and (not second or "," in second)):
        detail = "must be an IPv4 address, or one of each family, IPv4 first, (e.g. 127.9.8.7,fd00:10:168::7)"
        entry.notes.invalid(field, written, detail)
    else:
        address = (entry.read_address(field, first) if first else default) or default
        address_v6 = _read_v6(entry, second, networking) if comma else default_v6
        _check(entry, address, networking)
        return address, address_v6 or default_v6
    return default, default_v6


def _read_v6(entry: Fields, written: str, networking: Networking) -> str:
    try:
        address = IPv6Address(written)
    except ValueError:
        detail = "must be a valid IPv6 address after the comma, (e.g. fd00:10:168::7)"
        entry.notes.invalid(entry.at("address"), written, detail)
        return ""
    subnets = (("serviceSubnet", networking.service_subnet_v6), ("podSubnet", networking.pod_subnet_v6))
    inside = next((f"outside the {name} {each}" for name, each in subnets if address in IPv6Network(each)), "")
    if address.scope_id or address.is_multicast or address.is_unspecified or address.is_link_local:
        inside = "a unicast address without a zone"
    if inside:
        entry.notes.invalid(entry.at("address"), written, f"must be {inside}")
        return ""
    return str(address)


def _check(entry: Fields, address: str, networking: Networking) -> None:
    if address == LOCALHOST:
        entry.notes.invalid(entry.at("address"), address, "node ports answer there anyway; give another one")
    elif entry.plan.is_exact and is_loopback(address):
        entry.notes.invalid(entry.at("address"), address, NO_LOOPBACK)
    elif (subnet := subnet_of(address, networking)) is not None:
        entry.notes.invalid(entry.at("address"), address, f"must be outside the {subnet}")


def subnet_of(address: str, networking: Networking) -> str | None:
    """Return the name of the cluster's IPv4 subnet that contains an address, with the subnet."""
    subnets = {
        "serviceSubnet": networking.service_subnet,
        "podSubnet": networking.pod_subnet,
        "loadBalancerSubnet": networking.load_balancer_subnet,
    }
    return next((f"{name} {each}" for name, each in subnets.items() if IPv4Address(address) in IPv4Network(each)), None)


def _pod_cidrs(top: Fields, networking: Networking, count: int) -> list[tuple[str, str]]:
    """Return each node's /24 and /64 ("" for none) in order; number 0 stays unused, as with kubeadm and flannel."""
    subnet = IPv4Network(networking.pod_subnet)
    rooms = [(networking.pod_subnet, 2 ** (24 - subnet.prefixlen) - 1)]
    first, first_v6 = int(subnet.network_address), 0
    if networking.pod_subnet_v6:
        subnet_v6 = IPv6Network(networking.pod_subnet_v6)
        first_v6 = int(subnet_v6.network_address)
        rooms.append((networking.pod_subnet_v6, 2 ** (_POD_CIDR_V6_PREFIX - subnet_v6.prefixlen) - 1))
    for value, room in rooms:
        if count > room:
            detail = f"has room for {room} nodes, but there are {count}"
            top.notes.invalid("networking.podSubnet", value, detail)
    return [
        (
            f"{IPv4Address(first + (number << 8))}/24",
            f"{IPv6Address(first_v6 + (number << 64))}/{_POD_CIDR_V6_PREFIX}" if first_v6 else "",
        )
        for number in range(1, count + 1)
    ]
