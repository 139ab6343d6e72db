"""The loopback network: the cluster's addresses are in 127.0.0.0/8 on this machine.

Decides which port is bound in place of one below 1024, and where an endpoint is dialled.

The IPv6 loopback network has one address, ``::1``. So the API and DNS show a pod's IPv6 address, but it is dialled at
the pod's IPv4 address, which has the same host number; likewise for a node. IPv6 addresses are never moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kubehost.addresses import Address
from kubehost.io.places import HostPlace, Place
from kubesvc.addresses.plan import USUAL, AddressPlan
from kubesvc.addresses.usual import read_ipv4
from kubesvc.network.one import OneNetwork
from kubesvc.network.outside import OutsideHost, outside_hosts

if TYPE_CHECKING:
    from kubesvc.config import ClusterConfiguration

LOW_PORTS_END = 1024
"""The kernel's default of net.ipv4.ip_unprivileged_port_start; only ports below it may move."""

PORT_SHIFT = 10000
"""Added to a port that this process may not bind: 80 becomes 10080, 53 becomes 10053."""

CAP_NET_BIND_SERVICE = 10
"""Bit of the capability to bind any port (linux/capability.h)."""

_REMEMBERED = 65536
"""Most cached addresses; clients could ask for endless ones."""


class LowPorts(NamedTuple):
    """Which ports this process may bind: all with the capability, else those from ``unprivileged_start`` on."""

    unprivileged_start: int
    has_capability: bool

    def can_bind(self, port: int) -> bool:
        """Tell whether this process may bind ``port``."""
        return self.has_capability or port >= self.unprivileged_start


def read_low_ports(read: Callable[[str], str] | None = None) -> LowPorts:
    """Read the limits of this process from /proc; uses the kernel's default for what cannot be read."""
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


class Twins(NamedTuple):
    """A node's IPv6 address and pod CIDR, with the IPv4 ones at which the same processes listen."""

    address_v6: str
    address: str
    pod_cidr_v6: str
    pod_cidr: str


class LoopbackNetwork(OneNetwork):
    """Implements kubehost's ``Network`` in 127.0.0.0/8; ``nodes`` are those of a dual-stack cluster."""

    keeps_clients = True

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
        self._dialled: dict[str, tuple[str, bool]] = {}
        self._host = HostPlace(self.bind)
        self.places: tuple[Place, ...] = (self._host,)

    @classmethod
    def of(cls, config: ClusterConfiguration, low_ports: LowPorts | None = None) -> LoopbackNetwork:
        """Return the network of a configuration; ``low_ports`` are read from this machine by default."""
        nodes = [
            Twins(each.address_v6, each.address, each.pod_cidr_v6, each.pod_cidr)
            for each in config.nodes
            if each.pod_cidr_v6
        ]
        return cls(
            config.networking.pod_subnet, outside_hosts(config), low_ports or read_low_ports(), nodes, config.plan
        )

    def _add(self, host: OutsideHost) -> None:
        here = self._plan.stand_in(host.address)
        known, address = self._hosts.get(host.name, ()), self._plan.address(host.address)
        if address not in known:
            self._hosts[host.name] = (*known, address)
        self._stand_ins[host.address] = here
        if host.port:
            bound = self.bind(here, host.port)
            self._served[host.address, host.port] = self._served[here, host.port] = bound

    def bind(self, address: str, port: int) -> Address:
        """Return the address, with the port, or 10000 more without the privilege to bind that.

        An address of the exact plan is bound at its stand-in.
        """
        return self._plan.stand_in(address) if self._plan.is_exact else address, self._bound(port)

    def dial(self, address: str, port: int) -> Address:
        """Return the socket address of an endpoint. Called for every connection, so it costs two dictionary lookups."""
        if (served := self._served.get((address, port))) is not None:
            return served
        here, is_pod = self._dialled.get(address) or self._remember(address)
        return here, self._bound(port) if is_pod and port < LOW_PORTS_END else port

    def place(self, client: str, target: str) -> Place:
        """Return the host, the only place."""
        del client, target
        return self._host

    def hosts(self) -> Mapping[str, tuple[str, ...]]:
        """Return the addresses of the external hosts by their names, for the DNS server."""
        return dict(self._hosts)

    def _bound(self, port: int) -> int:
        if port >= LOW_PORTS_END or self.low_ports.can_bind(port):
            return port
        return port + PORT_SHIFT

    def _remember(self, address: str) -> tuple[str, bool]:
        here = self._twin(address) if ":" in address else address
        number = read_ipv4(here)
        is_pod = here != address or (number is not None and number & self._pod_mask == self._pod_base)
        dialled = self._stand_ins.get(here, here), is_pod
        if len(self._dialled) >= _REMEMBERED:
            self._dialled.clear()
        self._dialled[address] = dialled
        return dialled

    def _twin(self, address: str) -> str:
        """Return the IPv4 address that stands for the IPv6 address of a pod or node; others are returned unchanged."""
        try:
            parsed = IPv6Address(address)
        except ValueError:
            return address
        for cidr_v6, cidr in self._twin_cidrs:
            host = int(parsed) - int(cidr_v6.network_address)
            if 0 <= host < cidr.num_addresses:
                return str(cidr[host])
        return self._twin_nodes.get(str(parsed), address)
