"""Which addresses this machine needs where they are, so that no Service may make them local to it. Pure.

kube-proxy takes from such an address only the packets to the Service's port; a local address takes all of them, and
the gateway, the name server or the other host that has it is cut off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address, ip_network

from kubeapi.meta import JSON
from kubeapi.objects.node import read_node
from kubeproxy.types import ListenerKind


class Needed:
    """``hosts`` are addresses with what each is, ``networks`` are those to which this machine is directly connected.

    ``server`` are the API server's addresses: alone these are needed even where they are cluster IPs. Other nodes may
    come and go.
    """

    def __init__(
        self, server: Collection[str] = (), hosts: Mapping[str, str] | None = None, networks: Iterable[str] = ()
    ) -> None:
        self._server = frozenset(server)
        self._hosts = dict(hosts or ())
        self._networks = [ip_network(each, strict=False) for each in networks]
        self._nodes: dict[str, dict[str, str]] = {}

    def note_node(self, name: str, addresses: dict[str, str]) -> bool:
        """Record the addresses of another node, none if it is gone; tell whether they are others than before."""
        if self._nodes.get(name, {}) == addresses:
            return False
        self._nodes[name] = addresses
        return True

    def why(self, address: str, kind: ListenerKind) -> str:
        """Return what an address of a Service is to this machine, "" if it is not needed."""
        if address in self._server:
            return "the API server is reached there"
        if kind is ListenerKind.CLUSTER_IP:  # a resolv.conf with such an address means the Service
            return ""
        of_nodes = (each[address] for each in self._nodes.values() if address in each)
        if what := self._hosts.get(address) or next(of_nodes, ""):
            return f"it is {what}"
        value = ip_address(address)
        network = next((each for each in self._networks if value in each), None)
        if network is None:
            return ""
        return f"it is in {network}, this machine's own network, where another host may have it"


def addresses_of_others(nodes: Iterable[JSON], name: str) -> dict[str, str]:
    """Return the addresses of all nodes but ``name``, each with what it is."""
    readings = [each for each in map(read_node, nodes) if each.name != name]
    kinds = ("InternalIP", "ExternalIP")
    return {
        address: f"the address of node {each.name}"
        for each in readings
        for kind in kinds
        for address in each.addresses(kind)
    }
