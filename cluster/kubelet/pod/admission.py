"""Whether a node runs a pod that was assigned to it, also past the scheduler: its resources, affinity, taints, ports.

Pure. Follows k8s.io/kubernetes ``pkg/kubelet/lifecycle`` (predicateAdmitHandler) and ``pkg/scheduler``
(AdmissionCheck), with their texts. Extended resources that the node does not have are not asked for there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.objects.placement import matches_node, tolerates
from kubeapi.objects.pod import PodPort, read_pod
from kubeapi.objects.podresources import Amounts, amounts_of, request_of

_EVERY = ("", "0.0.0.0", "::")  # noqa: S104 - what a hostIP says that means all addresses


class Rejection(NamedTuple):
    """Why a pod is not admitted, as its status says it."""

    reason: str
    message: str


def node_rejection(pod: JSON, node: JSON, others: Callable[[], Iterable[Amounts]]) -> Rejection | None:
    """Return why a Node does not run a pod, None if it may; ``others`` returns what its other pods request."""
    request = request_of(pod)
    if request and (found := _lacking(request, amounts_of(map_at(node, "status", "allocatable")), others)):
        return found
    spec = spec_of(pod)
    if not matches_node(spec, node):
        return _failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    hard = (each for each in list_at(node, "spec", "taints") if each.get("effect") == "NoExecute")
    tolerations = list_at(spec, "tolerations")
    if any(not tolerates(tolerations, each) for each in hard):
        return _failed("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return None


def _lacking(request: Amounts, has: Amounts, others: Callable[[], Iterable[Amounts]]) -> Rejection | None:
    taken: Counter[str] = Counter()
    for each in others():
        taken.update(each)
    for name, amount in request.items():
        known = name in has or "/" not in name
        if known and amount > max(has.get(name, 0) - taken[name], 0):
            numbers = f"requested: {amount}, used: {taken[name]}, capacity: {has.get(name, 0)}"
            return Rejection(f"OutOf{name}", f"Node didn't have enough resource: {name}, {numbers}")
    return None


def port_rejection(pod: JSON, others: Iterable[JSON]) -> Rejection | None:
    """Return that a pod asks for a port of its node that another pod there has, None if it does not."""
    wanted = _host_ports(pod)
    if wanted and any(_is_same(one, other) for obj in others for other in _host_ports(obj) for one in wanted):
        return _failed("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    return None


def _failed(predicate: str, why: str) -> Rejection:
    return Rejection(predicate, f"Predicate {predicate} failed: {why}")


def _host_ports(pod: JSON) -> list[PodPort]:
    return [each for each in read_pod(pod).ports if each.host_port]


def _is_same(one: PodPort, other: PodPort) -> bool:
    if (one.protocol, one.host_port) != (other.protocol, other.host_port):
        return False
    return one.host_ip == other.host_ip or one.host_ip in _EVERY or other.host_ip in _EVERY
