"""The nodes whose kube-proxy this process is, read from Nodes as they change. Pure."""

from __future__ import annotations

from kubeapi.meta import JSON, ObjectKey, is_terminating, labels_of
from kubeapi.validation.names import parse_address
from kubeproxy.rules.nodes import Node, Nodes

ZONE_LABEL = "topology.kubernetes.io/zone"
EXCLUDED_BY_AUTOSCALER = "ToBeDeletedByClusterAutoscaler"


class NodeTracker:
    """The nodes whose kube-proxy this is: the one of that name, or all ("")."""

    def __init__(self, node_name: str = "") -> None:
        self.nodes = Nodes()
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
            self.nodes = Nodes(nodes.values())
            self._nodes = nodes
        if obj is not None and _is_leaving(obj):
            self._leaving.add(key)
        else:
            self._leaving.discard(key)


def _node(name: str, obj: JSON) -> Node:
    spec, addresses = obj.get("spec") or {}, (obj.get("status") or {}).get("addresses") or ()
    return Node(
        name=name,
        zone=labels_of(obj).get(ZONE_LABEL, ""),
        addresses=tuple(each["address"] for each in addresses if _is_own(each)),
        pod_cidrs=tuple(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else ())),
    )


def _is_own(address: JSON) -> bool:
    """Tell whether an entry of status.addresses can be listened on: an InternalIP that is a valid address."""
    return address.get("type") == "InternalIP" and parse_address(address.get("address", "")) is not None


def _is_leaving(obj: JSON) -> bool:
    """Tell whether a Node is not eligible for load balancers: being deleted, or tainted by the autoscaler."""
    taints = (obj.get("spec") or {}).get("taints") or ()
    return is_terminating(obj) or any(each.get("key") == EXCLUDED_BY_AUTOSCALER for each in taints)
