"""Whether a node may run a pod: cordons, taints, node affinity, the number of pods; and how much the pod prefers it.

Pure. Follows k8s.io/kubernetes ``pkg/scheduler/framework/plugins`` (nodeunschedulable, tainttoleration, nodeaffinity,
noderesources) and k8s.io/component-helpers ``scheduling/corev1/nodeaffinity``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, labels_of, satisfies
from kubeapi.objects.node import Node, read_node
from kubeapi.objects.parts import list_at, map_at
from kubescheduler.nodes import NodeLoad

_NOT_READY_TAINT = "node.kubernetes.io/not-ready"
_UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"
_CORDON: JSON = {"key": _UNSCHEDULABLE_TAINT, "effect": "NoSchedule"}
"""What a pod must tolerate to run on a cordoned node."""


def why_not(pod: JSON, load: NodeLoad) -> str | None:
    """Return why a node may not run the pod, None if it may."""
    node = read_node(load.node)
    taint = _untolerated_taint(pod, node)
    if node.is_unschedulable and not _tolerates(pod, _CORDON):
        return "node(s) were unschedulable"
    if taint is not None:
        return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not _matches_node(pod, load.node):
        return "node(s) didn't match Pod's node affinity/selector"
    limit = node.allocatable("pods")
    if limit is not None and load.pods >= limit:
        return "Too many pods"
    return None


def _matches_node(pod: JSON, node: JSON) -> bool:
    labels = labels_of(node)
    selector = map_at(pod, "spec", "nodeSelector")
    if any(labels.get(name) != value for name, value in selector.items()):
        return False
    return satisfies_node_affinity(pod, node)


def _untolerated_taint(pod: JSON, node: Node) -> JSON | None:
    """Return a taint that keeps the pod away; a node that is not ready has one, whether it is written down or not."""
    taints = [each for each in node.taints if each["key"] != _UNSCHEDULABLE_TAINT]
    is_marked = any(each["key"] == _NOT_READY_TAINT for each in taints)
    if not is_marked and not node.is_ready:
        taints.append({"key": _NOT_READY_TAINT, "effect": "NoSchedule"})
    for taint in taints:
        if taint.get("effect") in {"NoSchedule", "NoExecute"} and not _tolerates(pod, taint):
            return dict(taint)
    return None


def _tolerates(pod: JSON, taint: JSON) -> bool:
    """Tell whether a toleration covers the taint (ToleratesTaint)."""
    for each in list_at(pod, "spec", "tolerations"):
        if each.get("effect") not in {None, "", taint.get("effect")}:
            continue
        if each.get("key") not in {None, "", taint["key"]}:
            continue
        if each.get("operator") == "Exists" or (each.get("key") and each.get("value", "") == taint.get("value", "")):
            return True
    return False


def satisfies_node_affinity(pod: JSON, node: JSON) -> bool:
    """Tell whether any required term matches the Node; a pod without required terms fits everywhere."""
    affinity = map_at(pod, "spec", "affinity", "nodeAffinity")
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_matches_term(term, node) for term in list_at(required, "nodeSelectorTerms"))


def node_preference(pod: JSON, node: JSON) -> int:
    """Return the sum of the weights of the preferred terms that match the Node."""
    preferred = list_at(pod, "spec", "affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution")
    return sum(each["weight"] for each in preferred if _matches_term(each["preference"], node))


def _matches_term(term: JSON, node: JSON) -> bool:
    expressions, fields = list_at(term, "matchExpressions"), list_at(term, "matchFields")
    if not expressions and not fields:
        return False
    names = {"metadata.name": node["metadata"]["name"]}
    return all(_satisfies(each, labels_of(node)) for each in expressions) and all(
        _satisfies(each, names) for each in fields
    )


def _satisfies(requirement: JSON, labels: dict[str, str]) -> bool:
    """Tell whether labels satisfy a requirement; here, unlike in a LabelSelector, it may compare numbers."""
    operator = requirement["operator"]
    if operator not in ("Gt", "Lt"):
        return satisfies(requirement, labels)
    try:
        left, right = int(labels.get(requirement["key"], "")), int(list_at(requirement, "values")[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right
