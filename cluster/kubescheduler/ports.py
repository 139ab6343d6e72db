"""The ports of a node that pods take (pkg/scheduler/framework/plugins/nodeports, HostPortInfo). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at

TAKEN = "node(s) didn't have free ports for the requested pod ports"

_NodePort = tuple[str, str, int]
"""An address of the node, a protocol and a port."""
_ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - as a manifest has it, or leaves it out


def node_ports(pod: JSON) -> set[_NodePort]:
    """Return the ports of the node that the pod needs; with host network all that it declares."""
    is_host_network = bool(pod["spec"].get("hostNetwork"))
    return {
        (port.get("hostIP") or _ALL_ADDRESSES, port.get("protocol") or "TCP", number)
        for container in list_at(pod, "spec", "containers")
        for port in list_at(container, "ports")
        if (number := port.get("hostPort") or (port["containerPort"] if is_host_network else 0))
    }


def are_taken(wanted: set[_NodePort], others: Iterable[JSON]) -> bool:
    """Tell whether one of the other pods needs one of these ports, at the same address or at all."""
    return any(_collide(wanted, node_ports(each)) for each in others)


def _collide(one: set[_NodePort], other: set[_NodePort]) -> bool:
    return any(
        (protocol, port) == (other_protocol, other_port) and (ip == other_ip or _ALL_ADDRESSES in (ip, other_ip))
        for ip, protocol, port in one
        for other_ip, other_protocol, other_port in other
    )
