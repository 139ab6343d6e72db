"""Which node a pod gets: of those that may run it the one that it prefers most.

Between equals the fewest pods of its owner decide, then the fewest pods. Pure. CPU and memory do not count: pods are
processes of one machine. ``filters`` and ``neighbours`` say which nodes may run it. Follows k8s.io/kubernetes
``pkg/scheduler``, with its messages.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kubeapi.meta import JSON
from kubeapi.objects.conditions import find_condition, with_condition
from kubeapi.objects.parts import status_of
from kubeapi.objects.placement import node_preference
from kubeapi.objects.pod import read_pod
from kubescheduler.filters import why_not
from kubescheduler.neighbours import Neighbourhood
from kubescheduler.nodes import NodeLoad
from kubescheduler.storage import PodStorage

SCHEDULER_NAME = "default-scheduler"
"""The schedulerName of the pods that are scheduled here; a pod with another one waits for that scheduler."""

_PREEMPTION = "Preemption is not helpful for scheduling."


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node may run the pod; ``message`` says why, as kube-scheduler does."""

    message: str


def schedule(
    pod: JSON,
    nodes: Sequence[NodeLoad],
    rng: random.Random,
    around: Neighbourhood | None = None,
    storage: PodStorage | None = None,
) -> str | Unschedulable:
    """Return the name of the node for ``pod``, or why there is none; ``rng`` decides between equals."""
    if not nodes:
        return Unschedulable("no nodes available to schedule pods")
    if refusal := storage.refusal if storage else "":
        return Unschedulable(_refused(len(nodes), refusal))
    reasons: Counter[str] = Counter()
    fitting: list[NodeLoad] = []
    for each in nodes:
        if reason := why_not(pod, each) or _first_reason(each.node, around, storage):
            reasons[reason] += 1
        else:
            fitting.append(each)
    return _best(pod, fitting, rng, around) if fitting else Unschedulable(_explain(len(nodes), reasons))


def _best(pod: JSON, fitting: Sequence[NodeLoad], rng: random.Random, around: Neighbourhood | None) -> str:
    """Return the name of the node that suits a pod best of those that may run it."""

    def rank(load: NodeLoad) -> tuple[int, int, int]:
        cost = (around.cost(load.node) if around else 0) - node_preference(pod["spec"], load.node)
        return cost, load.siblings, load.pods

    ranks = [rank(each) for each in fitting]
    best = [each for each, its in zip(fitting, ranks, strict=True) if its == min(ranks)]
    return str(rng.choice(best).node["metadata"]["name"])


def _first_reason(node: JSON, around: Neighbourhood | None, storage: PodStorage | None) -> str | None:
    """Return why the pods or the volumes of a node keep another pod away, None if they do not."""
    return (around.why_not(node) if around else None) or (storage.why_not(node) if storage else None)


def _explain(count: int, reasons: Counter[str]) -> str:
    return _refused(count, ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items())))


def _refused(count: int, why: str) -> str:
    none = f"0/{count} nodes are available"
    return f"{none}: {why}. preemption: {none}: {count} {_PREEMPTION}"


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
