"""Which node a pod gets: of those that may run it the one that it prefers most.

Between equals the fewest pods of its owner decide, then the fewest pods. Pure. CPU and memory do not count: pods are
processes of one machine. Follows the filters and the messages of k8s.io/kubernetes ``pkg/scheduler``
(NodeUnschedulable, TaintToleration, NodeAffinity, NodeResourcesFit's pod count).
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, controller_of, labels_of
from kubeapi.objects.conditions import find_condition, with_condition
from kubeapi.objects.node import Node, read_node
from kubeapi.objects.parts import list_at, map_at, status_of
from kubeapi.objects.pod import read_pod
from kubescheduler.affinity import node_preference, satisfies_node_affinity
from kubescheduler.neighbours import Neighbourhood, has_constraints, places_of, repels

SCHEDULER_NAME = "default-scheduler"
"""The schedulerName of the pods that are scheduled here; a pod with another one waits for that scheduler."""

_PREEMPTION = "Preemption is not helpful for scheduling."
_NOT_READY_TAINT = "node.kubernetes.io/not-ready"
_UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"


class NodeLoad(NamedTuple):
    """A Node, how many pods are on it, and how many of these have the same owner as the pod to schedule."""

    node: JSON
    pods: int
    siblings: int


class Nodes:
    """The nodes with the pods that are assigned to them."""

    def __init__(self) -> None:
        self._nodes: dict[str, JSON] = {}
        self._placed: dict[ObjectKey, tuple[str, str]] = {}
        self._pods: Counter[str] = Counter()
        self._pods_by_owner: Counter[tuple[str, str]] = Counter()
        self._on: dict[str, dict[ObjectKey, JSON]] = defaultdict(dict)
        self._repelling: set[ObjectKey] = set()

    def put_node(self, name: str, node: JSON | None) -> None:
        """Record a Node's state; None when it is gone."""
        if node is None:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = node

    def put_pod(self, key: ObjectKey, pod: JSON | None) -> None:
        """Record a pod's state; it counts if it is assigned and has not ended."""
        before = self._placed.pop(key, None)
        if before is not None:
            self._count(*before, -1)
            del self._on[before[0]][key]
            self._repelling.discard(key)
        if pod is None or not (node_name := read_pod(pod).node_name) or read_pod(pod).is_finished:
            return
        place = node_name, owner_of(pod)
        self._placed[key] = place
        self._on[place[0]][key] = pod
        if repels(pod):
            self._repelling.add(key)
        self._count(*place, 1)

    def _count(self, node: str, owner: str, step: int) -> None:
        self._pods[node] += step
        self._pods_by_owner[node, owner] += step
        if not self._pods_by_owner[node, owner]:
            del self._pods_by_owner[node, owner]

    def loads(self, owner: str) -> list[NodeLoad]:
        """Return the nodes in the order of their names."""
        return [
            NodeLoad(node, self._pods[name], self._pods_by_owner[name, owner])
            for name, node in sorted(self._nodes.items())
        ]

    def neighbourhood(self, pod: JSON) -> Neighbourhood | None:
        """Return the places with their pods; None if neither the pod nor any assigned pod has constraints."""
        if not self._repelling and not has_constraints(pod):
            return None
        return Neighbourhood(pod, places_of(self._nodes, self._on))


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node may run the pod; ``message`` says why, as kube-scheduler does."""

    message: str


def owner_of(pod: JSON) -> str:
    """Return the uid of a pod's controller; a pod without one is its own owner."""
    controller = controller_of(pod)
    return str((controller or pod["metadata"]).get("uid", ""))


def schedule(
    pod: JSON, nodes: Sequence[NodeLoad], rng: random.Random, around: Neighbourhood | None = None
) -> str | Unschedulable:
    """Return the name of the node for ``pod``, or why there is none; ``rng`` decides between equals."""
    if not nodes:
        return Unschedulable("no nodes available to schedule pods")
    reasons: Counter[str] = Counter()
    fitting: list[NodeLoad] = []
    for each in nodes:
        reason = why_not(pod, each) or (around.why_not(each.node) if around else None)
        if reason is None:
            fitting.append(each)
        else:
            reasons[reason] += 1
    if not fitting:
        return Unschedulable(_explain(len(nodes), reasons))

    def rank(load: NodeLoad) -> tuple[int, int, int]:
        cost = (around.cost(load.node) if around else 0) - node_preference(pod, load.node)
        return cost, load.siblings, load.pods

    ranks = [rank(each) for each in fitting]
    best = [each for each, its in zip(fitting, ranks, strict=True) if its == min(ranks)]
    return str(rng.choice(best).node["metadata"]["name"])


def why_not(pod: JSON, load: NodeLoad) -> str | None:
    """Return why a node may not run the pod, None if it may."""
    node = read_node(load.node)
    taint = _untolerated_taint(pod, node)
    if node.is_unschedulable and not _tolerates(pod, _UNSCHEDULABLE_TAINT_ENTRY):
        return "node(s) were unschedulable"
    if taint is not None:
        return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not _matches_node(pod, load.node):
        return "node(s) didn't match Pod's node affinity/selector"
    limit = node.allocatable("pods")
    if limit is not None and load.pods >= limit:
        return "Too many pods"
    return None


_UNSCHEDULABLE_TAINT_ENTRY: JSON = {"key": _UNSCHEDULABLE_TAINT, "effect": "NoSchedule"}


def _matches_node(pod: JSON, node: JSON) -> bool:
    labels = labels_of(node)
    selector = map_at(pod, "spec", "nodeSelector")
    if any(labels.get(name) != value for name, value in selector.items()):
        return False
    return satisfies_node_affinity(pod, node)


def _untolerated_taint(pod: JSON, node: Node) -> JSON | None:
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


def _explain(count: int, reasons: Counter[str]) -> str:
    texts = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
    none = f"0/{count} nodes are available"
    return f"{none}: {texts}. preemption: {none}: {count} {_PREEMPTION}"


def is_waiting(pod: JSON) -> bool:
    """Tell whether the pod waits for a node from this scheduler; one with scheduling gates does not yet."""
    spec = pod["spec"]
    is_ours = spec.get("schedulerName", SCHEDULER_NAME) == SCHEDULER_NAME and not spec.get("schedulingGates")
    return is_ours and not spec.get("nodeName") and read_pod(pod).is_active


def bound(pod: JSON, node_name: str) -> JSON:
    """Return the pod assigned to a node."""
    return {**pod, "spec": {**pod["spec"], "nodeName": node_name}}


def with_scheduled(pod: JSON, stamp: str, message: str | None = None) -> JSON:
    """Return the pod with the condition PodScheduled: True, or False with the reason why it is not."""
    before = find_condition(pod, "PodScheduled")
    value = "True" if message is None else "False"
    changed = before.get("lastTransitionTime") if before and before.get("status") == value else stamp
    condition: JSON = {"type": "PodScheduled", "status": value, "lastProbeTime": None, "lastTransitionTime": changed}
    if message is not None:
        condition |= {"reason": "Unschedulable", "message": message}
        if generation := pod["metadata"].get("generation"):
            condition["observedGeneration"] = generation
    return {**pod, "status": {"phase": "Pending", **with_condition(status_of(pod), condition)}}
