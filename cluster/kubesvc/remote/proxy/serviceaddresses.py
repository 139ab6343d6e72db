"""Which addresses must be local to a node so that sockets answer there, and the commands that make them so. Pure.

On a node with kube-proxy no address of a Service is local: rules catch the packets before they are routed. A socket
answers only at an address that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import spec_of
from kubeproxy.proxier import Sync
from kubeproxy.rules import PortRule
from kubeproxy.types import ListenerKind, ServicePortName

_NODE_PORT = ListenerKind.NODE_PORT

NeedsSocket = Callable[[PortRule], bool]
"""Tells whether a Service port is served by sockets, not by the kernel."""


class Field(NamedTuple):
    """Where an address is written."""

    port_name: ServicePortName
    kind: ListenerKind

    def __str__(self) -> str:
        return f"{self.kind} of {self.port_name.service}"


class Turnover(NamedTuple):
    """Addresses that Services have now and had not, each with the field that has it, and those that none has now."""

    come: dict[str, Field]
    gone: frozenset[str]


class ServiceAddresses:
    """The addresses of all Service ports that sockets serve, outside of ``ranges`` and of the machine's own."""

    def __init__(self, ranges: Collection[str], own: Collection[str], needs_socket: NeedsSocket) -> None:
        self.ranges = tuple(ranges)
        self._networks = [ip_network(each, strict=False) for each in ranges]
        self._own = frozenset(own)
        self._needs_socket = needs_socket
        self._of_port: dict[ServicePortName, dict[str, ListenerKind]] = {}
        self._counts: Counter[str] = Counter()

    def update(self, sync: Sync) -> Turnover:
        """Return what a change of the rules means."""
        come: dict[str, Field] = {}
        left: set[str] = set()
        for name in sync.ports:
            rule = sync.rules.ports.get(name)
            before, after = self._of_port.pop(name, {}), dict(self._of(rule) if rule else ())
            if after:
                self._of_port[name] = after
            for each in after.keys() - before.keys():
                if not self._counts[each]:
                    come[each] = Field(name, after[each])
                self._counts[each] += 1
            for each in before.keys() - after.keys():
                self._counts[each] -= 1
                left.add(each)
        gone = frozenset(each for each in left if not self._counts[each])
        for each in gone:
            del self._counts[each]
            come.pop(each, None)
        return Turnover(come, gone)

    def _of(self, rule: PortRule) -> Iterator[tuple[str, ListenerKind]]:
        if self._needs_socket(rule):
            for destination, kind in rule.destinations:
                if kind is not _NODE_PORT and self._is_outside(destination.address):
                    yield destination.address, kind

    def _is_outside(self, text: str) -> bool:
        if text in self._own:
            return False
        address = ip_address(text)
        return not any(address in each for each in self._networks)


def service_cidrs(objects: Iterable[JSON]) -> tuple[str, ...]:
    """Return the ranges of ServiceCIDR objects."""
    return tuple(dict.fromkeys(cidr for obj in objects for cidr in spec_of(obj).get("cidrs") or ()))


def first_host(cidr: str) -> str:
    """Return an address of a range, by which one sees whether it is local."""
    network = ip_network(cidr, strict=False)
    return str(network[1] if network.num_addresses > 1 else network[0])


def covering(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the smallest network of each family that has all the addresses."""
    found: list[str] = []
    of_families: dict[int, list[IPv4Address | IPv6Address]] = {}
    for each in map(ip_address, addresses):
        of_families.setdefault(each.version, []).append(each)
    for version in sorted(of_families):
        numbers = [int(each) for each in of_families[version]]
        length = 32 if version == 4 else 128
        prefix = length - (min(numbers) ^ max(numbers)).bit_length()
        kind = IPv4Network if version == 4 else IPv6Network
        found.append(str(kind((min(numbers), prefix), strict=False)))
    return tuple(found)


def command(cidr: str, source: str = "") -> str:
    """Return the command that makes a range local until the next reboot; clients of the node then have ``source``."""
    family = "-6 " if ":" in cidr else ""
    return f"sudo ip {family}route add local {cidr} dev lo{f' src {source}' if source else ''}"
