"""The nodes for which this process is the kube-proxy, read from Nodes as they change. Pure."""

from __future__ import annotations

from functools import partial

from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.node import read_node
from kubeapi.validation.names import parse_address
from kubeproxy.rules.nodes import Node, Nodes

EXCLUDED_BY_AUTOSCALER = "ToBeDeletedByClusterAutoscaler"


class NodeTracker:
    """The nodes that the proxy serves: the one of that name, or all ("")."""

    def __init__(self, node_name: str = "", *, localhost_node_ports: bool = True) -> None:
        self._new_nodes = partial(Nodes, localhost_node_ports=localhost_node_ports)
        self.nodes = self._new_nodes()
        self._node_name = node_name
        self._nodes: dict[ObjectKey, Node] = {}
        self._leaving: set[ObjectKey] = set()
        self._has_seen_nodes = False

    @property
    def is_eligible(self) -> bool:
        """Whether load balancers may send traffic: a node exists that is not being removed."""
        return not self._has_seen_nodes or self._nodes.keys() > self._leaving

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Record a Node's new state, None when it is deleted."""
        if self._node_name not in ("", key.name):
            return
        self._has_seen_nodes = True
        nodes = dict(self._nodes)
        if obj is None:
            nodes.pop(key, None)
        else:
            nodes[key] = _node(key.name, obj)
        if nodes != self._nodes:
            # This may raise; then the last state of the Node stays, because nothing was stored yet.
            self.nodes = self._new_nodes(nodes.values())
            self._nodes = nodes
        if obj is not None and _is_leaving(obj):
            self._leaving.add(key)
        else:
            self._leaving.discard(key)


def _node(name: str, obj: JSON) -> Node:
    """Read a Node; of its internal addresses only valid ones can be listened on."""
    node = read_node(obj)
    addresses = tuple(each for each in node.addresses("InternalIP") if parse_address(each) is not None)
    return Node(name, node.zone, addresses, node.pod_cidrs)


def _is_leaving(obj: JSON) -> bool:
    """Tell whether a Node is not eligible for load balancers: being deleted, or tainted by the autoscaler."""
    is_excluded = any(each.get("key") == EXCLUDED_BY_AUTOSCALER for each in read_node(obj).taints)
    return is_terminating(obj) or is_excluded
