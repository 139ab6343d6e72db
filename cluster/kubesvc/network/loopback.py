"""The loopback network: every address of the cluster is one of 127.0.0.0/8 on this machine.

Decides where a Service's addresses move, which port is bound in place of one below 1024, and where an endpoint is
dialled. Endpoints and EndpointSlices are real addresses outside the cluster and are never translated.

Of IPv6, loopback has the one address ``::1``. So a pod's IPv6 address is true for the API and for DNS, and is dialled
at the pod's IPv4 address, the same host in the other of the node's pod CIDRs; a node's likewise. No IPv6 address moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kubeapi.meta import JSON
from kubeapi.status import FieldError
from kubeapi.validation.names import special_address
from kubehost.addresses import Address
from kubesvc.network.addresses import read_ipv4
from kubesvc.network.plan import USUAL, AddressPlan

if TYPE_CHECKING:
    from kubesvc.config import ClusterConfiguration

LOW_PORTS_END = 1024
"""The kernel's default of net.ipv4.ip_unprivileged_port_start; only ports below it ever move."""

PORT_SHIFT = 10000
"""How far a port moves that this process may not bind: 80 is 10080, 53 is 10053."""

CAP_NET_BIND_SERVICE = 10
"""Bit of the capability to bind any port (linux/capability.h)."""

_REMEMBERED = 65536
"""Addresses whose place is remembered, a bound against endless ones."""


class Translation(NamedTuple):
    """An address of a manifest that is another one here."""

    path: str
    before: str
    after: str

    def warning(self) -> FieldError:
        """Return what the user is told, at its field."""
        return FieldError("Translated", self.path, str(self))

    def __str__(self) -> str:
        return f"{self.before} is {self.after} on this machine"


def translate(obj: JSON, plan: AddressPlan = USUAL) -> tuple[JSON, list[Translation]]:
    """Return a Service with its addresses in 127.0.0.0/8, and what was changed; other objects are returned as they are.

    Values that are no IPv4 address (None, IPv6, mistakes) are left to validation, and so are external addresses that
    no traffic is sent to: they are refused as they were written.
    """
    spec = obj.get("spec")
    if obj.get("kind") != "Service" or not isinstance(spec, dict):
        return obj, []
    translations: list[Translation] = []
    changed: JSON = {}

    def translated(path: str, before: str) -> str:
        after = plan.service_address(before) if path.startswith("spec.clusterIP") else plan.stand_in(before)
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
    return ({**obj, "spec": {**spec, **changed}}, translations) if translations else (obj, [])


def _is_movable(field: str, value: object) -> bool:
    return isinstance(value, str) and not (field == "externalIPs" and special_address(value))


class LowPorts(NamedTuple):
    """Who may bind a port below 1024: holders of the capability, and everybody from ``unprivileged_start`` on."""

    unprivileged_start: int
    has_capability: bool

    def can_bind(self, port: int) -> bool:
        """Tell whether this process may bind ``port``."""
        return self.has_capability or port >= self.unprivileged_start


def read_low_ports(read: Callable[[str], str] | None = None) -> LowPorts:
    """Read what this process may bind from /proc; what cannot be read is taken as the kernel's default."""
    read = read or _read_file
    try:
        start = int(read("/proc/sys/net/ipv4/ip_unprivileged_port_start"))
    except (OSError, ValueError):
        start = LOW_PORTS_END
    try:
        status = read("/proc/self/status")
        effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    except (OSError, ValueError, StopIteration):
        effective = 0
    return LowPorts(start, bool(effective >> CAP_NET_BIND_SERVICE & 1))


def _read_file(path: str) -> str:
    return Path(path).read_text()


class OutsideHost(NamedTuple):
    """A host outside the cluster. ``port`` is where a process of ours serves it, 0 if none does."""

    name: str
    address: str
    port: int


class Twins(NamedTuple):
    """A node's IPv6 address and pod CIDR, each with the IPv4 one where the same processes answer."""

    address_v6: str
    address: str
    pod_cidr_v6: str
    pod_cidr: str


class LoopbackNetwork:
    """Implements kubehost's ``Network`` in 127.0.0.0/8; ``nodes`` are those of a dual-stack cluster."""

    def __init__(
        self,
        pod_subnet: str,
        outside: Iterable[OutsideHost],
        low_ports: LowPorts,
        nodes: Iterable[Twins] = (),
        plan: AddressPlan = USUAL,
    ) -> None:
        self.low_ports = low_ports
        self._plan = plan
        nodes = tuple(nodes)
        self._twin_cidrs = [(IPv6Network(each.pod_cidr_v6), IPv4Network(each.pod_cidr)) for each in nodes]
        self._twin_nodes = {each.address_v6: each.address for each in nodes}
        base, _, prefix = pod_subnet.partition("/")
        self._pod_mask = (0xFFFFFFFF << (32 - int(prefix))) & 0xFFFFFFFF
        self._pod_base = (read_ipv4(base) or 0) & self._pod_mask
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._stand_ins: dict[str, str] = {}
        self._served: dict[tuple[str, int], tuple[str, int]] = {}
        for host in outside:
            self._add(host)
        self._places: dict[str, tuple[str, bool]] = {}

    @classmethod
    def of(cls, config: ClusterConfiguration, low_ports: LowPorts | None = None) -> LoopbackNetwork:
        """Return the network of a configuration, on this machine unless ``low_ports`` says otherwise."""
        outside = [
            OutsideHost(each.name, each.address, each.port if each.is_served else 0) for each in config.external_hosts
        ]
        nodes = [
            Twins(each.address_v6, each.address, each.pod_cidr_v6, each.pod_cidr)
            for each in config.nodes
            if each.pod_cidr_v6
        ]
        return cls(config.networking.pod_subnet, outside, low_ports or read_low_ports(), nodes, config.plan)

    def _add(self, host: OutsideHost) -> None:
        here = self._plan.stand_in(host.address)
        known = self._hosts.get(host.name, ())
        if here not in known:
            self._hosts[host.name] = (*known, here)
        self._stand_ins[host.address] = here
        if host.port:
            bound = self.bind(here, host.port)
            self._served[host.address, host.port] = self._served[here, host.port] = bound

    def bind(self, address: str, port: int) -> Address:
        """Return the address, with the port or 10000 more without the privilege to bind it."""
        return address, self._bound(port)

    def dial(self, address: str, port: int) -> Address:
        """Return the socket address at which the endpoint answers. Asked for every connection: two lookups."""
        if (served := self._served.get((address, port))) is not None:
            return served
        here, is_pod = self._places.get(address) or self._place(address)
        return here, self._bound(port) if is_pod and port < LOW_PORTS_END else port

    def hosts(self) -> Mapping[str, tuple[str, ...]]:
        """Return the addresses on this machine of every outside host's name, for the DNS server."""
        return dict(self._hosts)

    def _bound(self, port: int) -> int:
        if port >= LOW_PORTS_END or self.low_ports.can_bind(port):
            return port
        return port + PORT_SHIFT

    def _place(self, address: str) -> tuple[str, bool]:
        here = self._twin(address) if ":" in address else address
        number = read_ipv4(here)
        is_pod = here != address or (number is not None and number & self._pod_mask == self._pod_base)
        place = self._stand_ins.get(here, here), is_pod
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        self._places[address] = place
        return place

    def _twin(self, address: str) -> str:
        """Return the IPv4 address at which an IPv6 address of a pod or a node answers; any other one stays."""
        try:
            parsed = IPv6Address(address)
        except ValueError:
            return address
        for cidr_v6, cidr in self._twin_cidrs:
            host = int(parsed) - int(cidr_v6.network_address)
            if 0 <= host < cidr.num_addresses:
                return str(cidr[host])
        return self._twin_nodes.get(str(parsed), address)
