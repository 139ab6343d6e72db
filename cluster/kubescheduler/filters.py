"""Whether a node may run a pod: cordons, taints, node affinity, the number of pods.

Pure. Follows k8s.io/kubernetes ``pkg/scheduler/framework/plugins`` (nodeunschedulable, tainttoleration, nodeaffinity,
noderesources).
"""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.node import Node, read_node
from kubeapi.objects.parts import list_at, spec_of
from kubeapi.objects.placement import matches_node, tolerates
from kubescheduler.nodes import NodeLoad

_NOT_READY_TAINT = "node.kubernetes.io/not-ready"
_UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"
_CORDON: JSON = {"key": _UNSCHEDULABLE_TAINT, "effect": "NoSchedule"}
"""What a pod must tolerate to run on a cordoned node."""


def why_not(pod: JSON, load: NodeLoad) -> str | None:
    """Return why a node may not run the pod, None if it may."""
    node = read_node(load.node)
    spec = spec_of(pod)
    taint = _untolerated_taint(spec, node)
    if node.is_unschedulable and not tolerates(list_at(spec, "tolerations"), _CORDON):
        return "node(s) were unschedulable"
    if taint is not None:
        return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not matches_node(spec, load.node):
        return "node(s) didn't match Pod's node affinity/selector"
    limit = node.allocatable("pods")
    if limit is not None and load.pods >= limit:
        return "Too many pods"
    return None


def _untolerated_taint(spec: JSON, node: Node) -> JSON | None:
    """Return a taint that keeps the pod away; a node that is not ready has one, whether it is written down or not."""
    taints = [each for each in node.taints if each["key"] != _UNSCHEDULABLE_TAINT]
    is_marked = any(each["key"] == _NOT_READY_TAINT for each in taints)
    if not is_marked and not node.is_ready:
        taints.append({"key": _NOT_READY_TAINT, "effect": "NoSchedule"})
    for taint in taints:
        if taint.get("effect") in {"NoSchedule", "NoExecute"} and not tolerates(list_at(spec, "tolerations"), taint):
            return dict(taint)
    return None
