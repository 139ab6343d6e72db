"""Ports of the node that pods ask for, of which each is one pod's. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/lifecycle`` (predicateAdmitHandler), with its texts: a pod that comes to a node
past the scheduler is refused there.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON
from kubeapi.objects.pod import PodPort, read_pod

REASON = "NodePorts"
REFUSAL = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
_EVERY = ("", "0.0.0.0", "::")  # noqa: S104 - what a hostIP says that means all addresses


def asks_for_taken_ports(pod: JSON, others: Iterable[JSON]) -> bool:
    """Tell whether a pod asks for a port of its node that another pod there has."""
    wanted = _host_ports(pod)
    return bool(wanted) and any(_is_same(one, other) for obj in others for other in _host_ports(obj) for one in wanted)


def _host_ports(pod: JSON) -> list[PodPort]:
    return [each for each in read_pod(pod).ports if each.host_port]


def _is_same(one: PodPort, other: PodPort) -> bool:
    if (one.protocol, one.host_port) != (other.protocol, other.host_port):
        return False
    return one.host_ip == other.host_ip or one.host_ip in _EVERY or other.host_ip in _EVERY
