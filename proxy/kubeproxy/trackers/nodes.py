"""The nodes for which this process is the kube-proxy, read from Nodes as they change. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.node import read_node
from kubeapi.validation.addresses import parse_address
from kubeproxy.config import PRIMARY, ProxyConfig
from kubeproxy.rules.nodes import Node, Nodes

EXCLUDED_BY_AUTOSCALER = "ToBeDeletedByClusterAutoscaler"


class NodeTracker:
    """The nodes that the proxy serves: the one of the configuration, or all.

    The proxy's own node is there from the start: which endpoints are local does not depend on the Node object.
    """

    def __init__(self, config: ProxyConfig) -> None:
        self._config = config
        self._nodes: dict[ObjectKey, Node] = {}
        self._primary: dict[ObjectKey, tuple[str, ...]] = {}
        self._leaving: set[ObjectKey] = set()
        self._has_seen_nodes = False
        own = config.node_name
        self._initial = (Node(own, "", config.own_addresses, config.local_cidrs or ()),) if own else ()
        self.nodes = self._compiled({}, {})

    @property
    def is_eligible(self) -> bool:
        """Whether load balancers may send traffic: a node exists that is not being removed."""
        return not self._has_seen_nodes or self._nodes.keys() > self._leaving

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Node's new state, None when it is deleted."""
        if self._config.node_name not in ("", key.name):
            return
        self._has_seen_nodes = True
        nodes, primary = dict(self._nodes), dict(self._primary)
        if obj is None:
            nodes.pop(key, None)
            primary.pop(key, None)
        else:
            primary[key] = _addresses(obj)
            nodes[key] = self._read(key.name, obj, primary[key])
        if (nodes, primary) != (self._nodes, self._primary):
            # This may raise; then the last state of the Node stays, because nothing was stored yet.
            self.nodes = self._compiled(nodes, primary)
            self._nodes, self._primary = nodes, primary
        if obj is not None and _is_leaving(obj):
            self._leaving.add(key)
        else:
            self._leaving.discard(key)

    def _read(self, name: str, obj: JSON, addresses: tuple[str, ...]) -> Node:
        node, config = read_node(obj), self._config
        if config.node_name:
            addresses = tuple(dict.fromkeys((*addresses, *config.own_addresses)))
        return Node(name, node.zone, addresses, node.pod_cidrs if config.local_cidrs is None else config.local_cidrs)

    def _compiled(self, nodes: Mapping[ObjectKey, Node], primary: Mapping[ObjectKey, tuple[str, ...]]) -> Nodes:
        config, wanted = self._config, self._config.node_port_addresses
        if wanted is not None:
            of_nodes = [address for each in primary.values() for address in each]
            wanted = tuple(address for each in wanted for address in (of_nodes if each == PRIMARY else (each,)))
        return Nodes(
            nodes.values() or self._initial,
            localhost_node_ports=config.localhost_node_ports,
            own=config.node_name,
            port_addresses=wanted,
        )


def _addresses(obj: JSON) -> tuple[str, ...]:
    """Return the addresses of a Node as ``GetNodeHostIPs`` does; only valid ones can be listened on."""
    node = read_node(obj)
    found = node.addresses("InternalIP") or node.addresses("ExternalIP")
    return tuple(each for each in found if parse_address(each) is not None)


def _is_leaving(obj: JSON) -> bool:
    """Tell whether a Node is not eligible for load balancers: being deleted, or tainted by the autoscaler."""
    is_excluded = any(each.get("key") == EXCLUDED_BY_AUTOSCALER for each in read_node(obj).taints)
    return is_terminating(obj) or is_excluded
