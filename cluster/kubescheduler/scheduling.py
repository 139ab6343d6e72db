"""Which node a pod gets: of those that may run it the one that it prefers most; else whose place it may take.

Between nodes that the real scheduler takes by chance, the fewest pods of the pod's owner decide, then the fewest pods,
then chance. Pure. ``filters`` says which nodes may run a pod, ``scoring`` which is the best, ``preemption`` which pods
would have to go. Follows k8s.io/kubernetes ``pkg/scheduler``, with its messages.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.budget import Budget
from kubeapi.objects.conditions import find_condition, with_condition
from kubeapi.objects.parts import status_of
from kubeapi.objects.placement import named_nodes
from kubeapi.objects.pod import read_pod
from kubescheduler.fitting import Fitting
from kubescheduler.messages import explain, no_node, unhelpful, with_preemption
from kubescheduler.nodes import NodeInfo, PlacedPod, World, placed_pod
from kubescheduler.preemption import Attempt, Preemption, ineligible, preempt
from kubescheduler.refusal import Refusal, final
from kubescheduler.scoring import scores
from kubescheduler.storage import PodStorage

SCHEDULER_NAME = "default-scheduler"
"""The schedulerName of the pods that are scheduled here; a pod with another one waits for that scheduler."""
_OTHER_NODE = final("node(s) didn't satisfy plugin(s) [NodeAffinity]")
"""Of the nodes that a pod does not name which names some."""


class Unschedulable(NamedTuple):
    """No node may run the pod now; ``message`` says why, as kube-scheduler does.

    ``preemption`` would make room for it. Otherwise the pod ``keeps_nomination`` if it waits for room on a node.
    """

    message: str
    preemption: Preemption | None = None
    keeps_nomination: bool = False


class Facts(NamedTuple):
    """What is asked only if a pod fits nowhere: all budgets, and the seconds since the epoch."""

    budgets: Callable[[], Sequence[Budget]] = lambda: ()
    clock: Callable[[], float] = lambda: 0.0


def schedule(
    pod: JSON, world: World, rng: random.Random, storage: PodStorage | None = None, facts: Facts | None = None
) -> str | Unschedulable:
    """Return the name of the node for ``pod``, or why there is none; ``rng`` decides between equals."""
    count = len(world.infos)
    if not count:
        return Unschedulable("no nodes available to schedule pods")
    if refusal := storage.refusal if storage else "":
        return Unschedulable(with_preemption(no_node(count, refusal), unhelpful(count)))
    placed = placed_pod(pod)
    fitting, refusals = _filter(placed, world, storage)
    if fitting:
        return _best(placed, fitting, world, rng)
    facts = facts or Facts()
    message = explain(count, refusals.values())
    attempt = Attempt(placed, refusals, storage, facts.budgets(), facts.clock())
    if why := ineligible(attempt, world):
        return Unschedulable(with_preemption(message, why), keeps_nomination=True)
    outcome = preempt(attempt, world)
    if isinstance(outcome, Preemption):
        return Unschedulable(with_preemption(message, outcome.text), outcome)
    return Unschedulable(with_preemption(message, outcome))


def _filter(placed: PlacedPod, world: World, storage: PodStorage | None) -> tuple[list[NodeInfo], dict[str, Refusal]]:
    """Return the nodes that may run a pod, and why the others may not; that on which it waits for room goes first."""
    pod = placed.pod
    named = named_nodes(pod["spec"])
    possible = [each for each in world.infos if named is None or each.name in named]
    trial = Fitting(placed, world, storage)
    nominated = status_of(pod).get("nominatedNodeName")
    for each in possible:
        if each.name == nominated and trial.refusal(each) is None:
            return [each], {}
    refusals = {each.name: _OTHER_NODE for each in world.infos} if named is not None else {}
    fitting: list[NodeInfo] = []
    for each in possible:
        refusal = trial.refusal(each)
        if refusal is None:
            fitting.append(each)
        else:
            refusals[each.name] = refusal
    return fitting, refusals


def _best(placed: PlacedPod, fitting: Sequence[NodeInfo], world: World, rng: random.Random) -> str:
    """Return the name of the node that suits a pod best of those that may run it."""
    if len(fitting) == 1:
        return fitting[0].name
    ranks = [
        (-score, info.owners[placed.owner], len(info.pods))
        for score, info in zip(scores(placed, fitting, world), fitting, strict=True)
    ]
    first = min(ranks)
    return rng.choice([info for info, rank in zip(fitting, ranks, strict=True) if rank == first]).name


def is_waiting(pod: JSON) -> bool:
    """Tell whether the pod waits for a node from this scheduler; one with scheduling gates does not yet."""
    spec = pod["spec"]
    is_ours = spec.get("schedulerName", SCHEDULER_NAME) == SCHEDULER_NAME and not spec.get("schedulingGates")
    return is_ours and not spec.get("nodeName") and read_pod(pod).is_active


def bound(pod: JSON, node_name: str) -> JSON:
    """Return the pod assigned to a node."""
    return {**pod, "spec": {**pod["spec"], "nodeName": node_name}}


def with_scheduled(pod: JSON, stamp: str, message: str | None = None, nominated: str = "") -> JSON:
    """Return the pod with the condition PodScheduled: True, or False with the reason why it is not.

    ``nominated`` is the node on which it waits for room, "" for none.
    """
    before = find_condition(pod, "PodScheduled")
    value = "True" if message is None else "False"
    changed = before.get("lastTransitionTime") if before and before.get("status") == value else stamp
    condition: JSON = {"type": "PodScheduled", "status": value, "lastProbeTime": None, "lastTransitionTime": changed}
    if message is not None:
        condition |= {"reason": "Unschedulable", "message": message}
        if generation := pod["metadata"].get("generation"):
            condition["observedGeneration"] = generation
    status = {"phase": "Pending", **with_condition(status_of(pod), condition)}
    status.pop("nominatedNodeName", None)
    return {**pod, "status": {**status, "nominatedNodeName": nominated} if nominated else status}
