"""Which pods have to go so that a more important one fits: as few and as unimportant as possible. Pure.

Follows k8s.io/kubernetes ``pkg/scheduler/framework/preemption`` and ``plugins/defaultpreemption``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, is_terminating, key_of, labels_of, parse_time
from kubeapi.objects.budget import Budget
from kubeapi.objects.disruption import disruption_reason
from kubeapi.objects.parts import map_at, status_of
from kubeapi.objects.priority import priority_of
from kubescheduler.fitting import Fitting
from kubescheduler.messages import UNHELPFUL, explain
from kubescheduler.nodes import NodeInfo, PlacedPod, World
from kubescheduler.refusal import Refusal, final
from kubescheduler.storage import PodStorage

PREEMPTED = "PreemptionByScheduler"
"""The reason of the condition DisruptionTarget of a pod that is removed."""
_NO_VICTIMS = "No preemption victims found for incoming pod"


class Preemption(NamedTuple):
    """The pods that leave a node, the most important first; ``violations`` of them against their budgets."""

    node: str
    victims: tuple[JSON, ...]
    violations: int

    @property
    def text(self) -> str:
        """What the scheduler says of it."""
        return f"found a potential placement for pod on node {self.node}, preempting {len(self.victims)} victims"


class Attempt(NamedTuple):
    """A pod that fits on no node: why, by the nodes' names; ``now`` is in seconds since the epoch."""

    placed: PlacedPod
    refusals: Mapping[str, Refusal]
    storage: PodStorage | None
    budgets: Sequence[Budget]
    now: float

    @property
    def pod(self) -> JSON:
        """The pod."""
        return self.placed.pod


def ineligible(attempt: Attempt, world: World) -> str:
    """Return why the pod may remove no other pods, "" if it may (PodEligibleToPreemptOthers)."""
    pod, node = attempt.pod, status_of(attempt.pod).get("nominatedNodeName")
    if pod["spec"].get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    if not node or attempt.refusals.get(node, final("")).is_final:
        return ""
    leaving = (each.pod for info in world.infos if info.name == node for each in info.pods.values())
    if any(_is_leaving(each) and priority_of(each) < priority_of(pod) for each in leaving):
        return "not eligible due to a terminating pod on the nominated node."
    return ""


def _is_leaving(pod: JSON) -> bool:
    """Tell whether a pod ends because of a preemption."""
    return is_terminating(pod) and disruption_reason(pod) == PREEMPTED


def preempt(attempt: Attempt, world: World) -> Preemption | str:
    """Return the pods to remove, or why that would not help."""
    found: list[Preemption] = []
    outcomes: list[Refusal] = []
    for info in world.infos:
        if attempt.refusals[info.name].is_final:
            outcomes.append(final(UNHELPFUL))
            continue
        outcome = _try_node(attempt, info, world)
        if isinstance(outcome, Preemption):
            found.append(outcome)
        else:
            outcomes.append(outcome)
    if found:
        return min(found, key=lambda each: _cost(each, attempt.now))
    return explain(len(world.infos), outcomes)


def _cost(preemption: Preemption, now: float) -> tuple[int, int, int, int, float]:
    """Return by what the cheapest is found (pickOneNodeForPreemption)."""
    victims = preemption.victims
    highest = priority_of(victims[0])
    since = min(_started(each, now) for each in victims if priority_of(each) == highest)
    total = sum(priority_of(each) + 2**31 for each in victims)
    return preemption.violations, highest, total, len(victims), -since


def _started(pod: JSON, now: float) -> float:
    text = status_of(pod).get("startTime")
    return parse_time(text) if text else now


def _try_node(attempt: Attempt, info: NodeInfo, world: World) -> Preemption | Refusal:
    """Return the fewest pods that have to leave a node, or why the pod would not fit without them all."""
    limit = priority_of(attempt.pod)
    possible = [each.pod for each in info.pods.values() if priority_of(each.pod) < limit]
    if not possible:
        return final(_NO_VICTIMS)
    possible.sort(key=lambda each: (-priority_of(each), _started(each, attempt.now)))
    trial = _Trial(attempt, info, world)
    for each in possible:
        trial.remove(each)
    if refusal := trial.refusal():
        return refusal
    protected, others = _by_budget(possible, attempt.budgets)
    violating = [each for each in protected if not trial.spares(each)]
    victims = [*violating, *(each for each in others if not trial.spares(each))]
    return Preemption(info.name, tuple(each for each in possible if each in victims), len(violating))


class _Trial:
    """A node from which pods are removed, and to which they come back where that leaves room for the other."""

    def __init__(self, attempt: Attempt, info: NodeInfo, world: World) -> None:
        self._attempt = attempt
        self._info = info.copy()
        self._world = world.replaced(self._info)
        self._placed = dict(info.pods)

    def remove(self, pod: JSON) -> None:
        self._info.remove(key_of(pod))

    def refusal(self) -> Refusal | None:
        return Fitting(self._attempt.placed, self._world, self._attempt.storage).refusal(self._info)

    def spares(self, pod: JSON) -> bool:
        """Bring a pod back if the other fits beside it; tell whether it does."""
        key = key_of(pod)
        self._info.add(key, self._placed[key])
        if self.refusal() is None:
            return True
        self._info.remove(key)
        return False


def _by_budget(pods: Sequence[JSON], budgets: Sequence[Budget]) -> tuple[list[JSON], list[JSON]]:
    """Return the pods whose removal their budgets do not allow, and the others (FilterVictimsWithPDBViolation)."""
    left = [each.disruptions_allowed for each in budgets]
    protected: list[JSON] = []
    others: list[JSON] = []
    for pod in pods:
        is_protected = False
        for index, budget in enumerate(budgets):
            if _counts_for(budget, pod):
                left[index] -= 1
                if left[index] < 0:
                    is_protected = True
                    break
        (protected if is_protected else others).append(pod)
    return protected, others


def _counts_for(budget: Budget, pod: JSON) -> bool:
    key = key_of(pod)
    selector = map_at(budget.obj, "spec", "selector")
    is_for_all = not selector.get("matchLabels") and not selector.get("matchExpressions")
    if not labels_of(pod) or is_for_all or budget.obj["metadata"].get("namespace", "") != key.namespace:
        return False
    return budget.selects(pod) and key.name not in budget.disrupted_pods
