"""At which node a packet enters: one process stands for the kube-proxies of all nodes, and addresses tell them apart.

Pure. A source in a node's pod CIDR, or a node's own address, is that node; every other source is outside the cluster.
A packet to a node's own address enters there; one that is routed (to a cluster IP) enters where it comes from. A shell
on this machine is outside, except for cluster IPs and localhost, which exist on nodes only: it enters the first node.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from kubehost.addresses import LOCALHOST
from kubeproxy.types import ListenerKind

ANY_NODE = ""

_REMEMBERED = 65536
"""Most sources for which the node is remembered."""


class Node(NamedTuple):
    """What the data plane knows of a node; the addresses are its InternalIPs."""

    name: str
    zone: str = ""
    addresses: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The addresses and CIDRs from which the node itself and its pods send."""
        return (*self.addresses, *self.pod_cidrs)


class EnteredBy(Enum):
    """Why a packet enters at a node."""

    NODE_ADDRESS = "the destination is an address of the node"
    LOCALHOST = "the destination is localhost"
    SOURCE = "the source is the node or one of its pods"
    CLUSTER_IP = "a cluster IP exists on nodes only, so a client from outside is put on the first one"
    LOAD_BALANCER = "a load balancer chooses any node that has endpoints"
    OWN_NODE = "the proxy is on this node, and sees what comes to it"


_BY_NODE_ADDRESS, _BY_LOCALHOST, _BY_SOURCE = EnteredBy.NODE_ADDRESS, EnteredBy.LOCALHOST, EnteredBy.SOURCE
_BY_CLUSTER_IP, _BY_LOAD_BALANCER = EnteredBy.CLUSTER_IP, EnteredBy.LOAD_BALANCER
_BY_OWN_NODE = EnteredBy.OWN_NODE
_CLUSTER_IP = ListenerKind.CLUSTER_IP


class Entry(NamedTuple):
    """The node at which a packet enters, and whether the packet comes from that node itself or a pod on it."""

    node: str
    is_inside: bool
    by: EnteredBy


class Nodes:
    """The nodes in the order in which they came; treat it as a value. ``home`` remembers its answers.

    ``localhost_node_ports`` is whether node ports answer at 127.0.0.1 too. ``own`` is the node of a proxy that is on
    one, "" if it stands for all. ``port_addresses`` is where node ports answer, None for every address of the nodes.
    """

    def __init__(
        self,
        nodes: Iterable[Node] = (),
        *,
        localhost_node_ports: bool = True,
        own: str = ANY_NODE,
        port_addresses: Iterable[str] | None = None,
    ) -> None:
        self.all = tuple(nodes)
        self.own = own
        self.by_name = {each.name: each for each in self.all}
        self.first = self.all[0].name if self.all else ANY_NODE
        self._at = {address: each.name for each in reversed(self.all) for address in each.addresses}
        self._cidrs = [(ip_network(cidr, strict=False), each.name) for each in self.all for cidr in each.pod_cidrs]
        self._homes: dict[str, str] = {}
        if port_addresses is None:
            port_addresses = [address for each in self.all for address in each.addresses]
        self.addresses = tuple(dict.fromkeys([*port_addresses, *([LOCALHOST] if localhost_node_ports else ())]))
        """Where node ports answer: by default every node's own addresses, then localhost if that is wanted."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nodes) and (self.all, self.addresses) == (other.all, other.addresses)

    __hash__ = None  # type: ignore[assignment]  # compared by value and remembers answers: never a key

    def home(self, source: str) -> str:
        """Return the name of the node that an address belongs to, "" when it is outside the cluster."""
        found = self._homes.get(source)
        if found is None:
            if len(self._homes) >= _REMEMBERED:
                self._homes.clear()
            found = self._homes[source] = self._find_home(source)
        return found

    def enter(self, home: str, address: str, kind: ListenerKind) -> Entry:
        """Return where a packet from the node ``home`` ("" from outside) to ``address`` enters."""
        at = self._at.get(address)
        if at is not None:
            return Entry(at, home == at, _BY_NODE_ADDRESS)
        if address == LOCALHOST:
            return Entry(home or self.first, True, _BY_LOCALHOST)
        if home:
            return Entry(home, True, _BY_SOURCE)
        if kind is _CLUSTER_IP:
            return Entry(self.first, True, _BY_CLUSTER_IP)
        return Entry(self.own, False, _BY_OWN_NODE if self.own else _BY_LOAD_BALANCER)

    def _find_home(self, source: str) -> str:
        if source in self._at:
            return self._at[source]
        try:
            address = ip_address(source)
        except ValueError:
            return ANY_NODE
        return next((name for network, name in self._cidrs if address in network), ANY_NODE)
