"""The network of a cluster whose pods have networks of their own: the host, the cluster's network, and each pod's.

Inside, every address and port is as the API shows it: nothing moves. On the host the addresses are where the loopback
network has them. Decides in which place a connection begins, and so which address its server sees:

    target is no address of the cluster         on the host: a developer's server, an external host
    client is a pod, and not the target itself  in the pod's own network: the server sees the pod
    otherwise                                   in the cluster's network: the server sees its node's gateway, as behind
                                                kube-proxy's masquerade, or the node itself if that is the client
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from kubehost.addresses import Address
from kubehost.io.agentplace import AgentPlace
from kubehost.io.places import Channel, Place, as_it_is
from kubehost.io.socketsource import SocketSource
from kubesvc.addresses.plan import USUAL, AddressPlan
from kubesvc.network.ipv6 import host_address
from kubesvc.network.loopback import LoopbackNetwork, LowPorts, read_low_ports
from kubesvc.network.outside import OutsideHost, outside_hosts

if TYPE_CHECKING:
    from kubesvc.config import ClusterConfiguration

_REMEMBERED = 65536
"""Most remembered addresses; clients could have endless ones."""


class Ranges(NamedTuple):
    """The cluster's addresses: those of pods, in which ``nodes`` have their gateways, and all the others."""

    pods: tuple[IPv4Network | IPv6Network, ...]
    nodes: frozenset[str]
    others: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, config: ClusterConfiguration) -> Ranges:
        """Return the ranges of a configuration."""
        networking = config.networking
        cidrs = filter(None, (each for node in config.nodes for each in (node.pod_cidr, node.pod_cidr_v6)))
        gateways = (str(ip_network(each)[1]) for each in cidrs)
        addresses = filter(None, (each for node in config.nodes for each in (node.address, node.address_v6)))
        others = (networking.service_subnet, networking.service_subnet_v6, networking.load_balancer_subnet)
        return cls(
            _networks((networking.pod_subnet, networking.pod_subnet_v6)),
            frozenset((*gateways, *addresses)),
            _networks(others),
        )

    def have(self, address: str) -> bool:
        """Tell whether an address is the cluster's."""
        return address in self.nodes or _is_in(address, (*self.pods, *self.others))

    def is_pod(self, address: str) -> bool:
        """Tell whether an address may be a pod's that is not in its node's network."""
        return address not in self.nodes and _is_in(address, self.pods)


class SandboxNetwork(LoopbackNetwork):
    """Implements kubehost's ``Network`` with an agent, to which ``attach`` gives it a channel.

    A copy that was made by pickling has no channel yet.
    """

    def __init__(
        self,
        ranges: Ranges,
        outside: Iterable[OutsideHost] = (),
        low_ports: LowPorts | None = None,
        plan: AddressPlan = USUAL,
    ) -> None:
        super().__init__(str(ranges.pods[0]), outside, low_ports or read_low_ports(), plan=plan)
        self._ranges = ranges
        self._connect(SocketSource())

    @classmethod
    def of(cls, config: ClusterConfiguration, low_ports: LowPorts | None = None) -> SandboxNetwork:
        """Return the network of a configuration; ``low_ports`` are read from this machine by default."""
        return cls(Ranges.of(config), outside_hosts(config), low_ports, config.plan)

    def _connect(self, source: SocketSource) -> None:
        self._source = source
        self._cluster = AgentPlace("cluster", as_it_is, source)
        self.places = (self._host, self._cluster)
        self._is_inside: dict[str, bool] = {}
        self._starts: dict[str, Place] = {}

    def __getstate__(self) -> dict[str, object]:
        """Return what a copy in another process has."""
        own = ("_source", "_cluster", "places", "_is_inside", "_starts")
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Be a copy, without a channel."""
        vars(self).update(state)
        self._connect(SocketSource())

    def bind(self, address: str, port: int) -> Address:
        """Return where the host binds an address of the cluster."""
        return super().bind(host_address(address), port)

    def dial(self, address: str, port: int) -> Address:
        """Return the endpoint itself, or where an external host is on the host."""
        return self._served.get((address, port)) or (self._stand_ins.get(address, address), port)

    def place(self, client: str, target: str) -> Place:
        """Return where a connection begins; two or three lookups."""
        is_inside = self._is_inside.get(target)
        if is_inside is None:
            is_inside = self._look_at(target)
        if not is_inside:
            return self._host
        if client == target:
            return self._cluster
        return self._starts.get(client) or self._start(client)

    def inside(self, pod: str) -> Place | None:
        """Return a pod's own network, that of the cluster for a pod in its node's network."""
        return self._starts.get(pod) or self._start(pod)

    def lend(self) -> Channel | None:
        """Return a channel for a copy of this network; OSError without an agent."""
        return self._source.lend()

    def attach(self, channel: Channel) -> None:
        """Own a channel to the agent."""
        self._source.attach(channel)

    def observe(self, ended: Callable[[str], None]) -> None:
        """Have a function called with the address of each pod whose network ends."""
        self._source.observe(ended)

    def close(self) -> None:
        """Close the channel and the stocks."""
        self._source.close()

    def _look_at(self, target: str) -> bool:
        if len(self._is_inside) >= _REMEMBERED:
            self._is_inside.clear()
        is_inside = self._is_inside[target] = self._ranges.have(target)
        return is_inside

    def _start(self, client: str) -> Place:
        """Return where connections of a client to the cluster's addresses begin."""
        if len(self._starts) >= _REMEMBERED:
            self._starts.clear()
        start: Place = self._cluster
        if self._ranges.is_pod(client):
            start = AgentPlace(client, as_it_is, self._source, client, self._cluster)
        self._starts[client] = start
        return start


def _networks(cidrs: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each) for each in cidrs if each)


def _is_in(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in each for each in networks)
