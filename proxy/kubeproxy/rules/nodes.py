"""Whose rules a packet meets: one process stands for the kube-proxies of all nodes, and addresses tell them apart.

Pure. A source in a node's pod CIDR, or a node's own address, is that node; every other source is outside the cluster.
What is reached at a node's own address is met there; what is routed (a cluster IP) where the packet comes from. A shell
on this machine is outside, except that cluster IPs and localhost exist on nodes alone: there it is on the first node.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from kubeproxy.types import ListenerKind

LOCALHOST = "127.0.0.1"
ANY_NODE = ""

_REMEMBERED = 65536
"""Sources whose node is remembered, a bound against endless ones."""


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


class Entry(NamedTuple):
    """The node whose rules a packet meets, and whether it comes from that node itself or a pod on it."""

    node: str
    is_inside: bool


class Nodes:
    """The nodes in the order in which they came; treat it as a value. ``home`` remembers its answers."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self.all = tuple(nodes)
        self.by_name = {each.name: each for each in self.all}
        self.first = self.all[0].name if self.all else ANY_NODE
        self._at = {address: each.name for each in reversed(self.all) for address in each.addresses}
        self._cidrs = [(ip_network(cidr, strict=False), each.name) for each in self.all for cidr in each.pod_cidrs]
        self._homes: dict[str, str] = {}
        own = (address for each in self.all for address in each.addresses)
        self.addresses = tuple(dict.fromkeys([*own, LOCALHOST]))
        """Where node ports answer: every node's own addresses, then localhost, each once."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nodes) and self.all == other.all

    __hash__ = None  # type: ignore[assignment]  # compared by value and holding a memory: never a key

    def home(self, source: str) -> str:
        """Return the node that an address belongs to, "" when it is outside the cluster."""
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
            return Entry(at, home == at)
        if address == LOCALHOST:
            return Entry(home or self.first, True)
        if home:
            return Entry(home, True)
        return Entry(self.first, True) if kind is ListenerKind.CLUSTER_IP else Entry(ANY_NODE, False)

    def _find_home(self, source: str) -> str:
        if source in self._at:
            return self._at[source]
        try:
            address = ip_address(source)
        except ValueError:
            return ANY_NODE
        return next((name for network, name in self._cidrs if address in network), ANY_NODE)
