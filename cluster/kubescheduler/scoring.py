"""How much a pod prefers each of the nodes that may run it. Pure.

The weighted sum of the default plug-ins of k8s.io/kubernetes ``pkg/scheduler/apis/config/v1``: tainttoleration 3,
nodeaffinity 2, podtopologyspread 2, interpodaffinity 2, noderesources (LeastAllocated and BalancedAllocation) 1 each.
Of images nothing is known, so that they make no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapi.objects.placement import PREFERRED, node_preference, tolerates
from kubescheduler.affinity import pod_affinity
from kubescheduler.nodes import NodeInfo, PlacedPod, World
from kubescheduler.spreading import spread_scores

_COMPARED = ("cpu", "memory")
TAINTS, NODE_AFFINITY, SPREAD, POD_AFFINITY = 3, 2, 2, 2
"""The weights of plug-ins; those of resources are 1."""


def scores(placed: PlacedPod, fitting: Sequence[NodeInfo], world: World) -> list[int]:
    """Return the score of each node for a pod; the highest is the best."""
    totals = [0] * len(fitting)
    for weight, each in _parts(placed, fitting, world):
        for index, score in enumerate(each):
            totals[index] += weight * score
    return totals


def _parts(placed: PlacedPod, fitting: Sequence[NodeInfo], world: World) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield the scores of each plug-in with its weight; one that rates all nodes alike may be left out."""
    pod, nodes = placed.pod, [each.node for each in fitting]
    if any(each.soft_taints for each in fitting):
        yield TAINTS, [100 - each for each in _normalised([_intolerable(pod, each) for each in fitting])]
    if list_at(pod, "spec", "affinity", "nodeAffinity", PREFERRED):
        yield NODE_AFFINITY, _normalised([node_preference(pod["spec"], each) for each in nodes])
    yield 1, [_least_allocated(placed, each) for each in fitting]
    if any(placed.request.get(name) for name in _COMPARED):
        yield 1, [_balance(placed, each) for each in fitting]
    if spread := spread_scores(pod, placed.owner, fitting, world):
        yield SPREAD, spread
    if (affinity := pod_affinity(pod, world)) is not None:
        yield POD_AFFINITY, affinity.scores(nodes)


def _normalised(counts: Sequence[int]) -> list[int]:
    """Return counts as parts of the highest, 0 to 100 (DefaultNormalizeScore)."""
    most = max(counts)
    return [100 * each // most for each in counts] if most else [0] * len(counts)


def _intolerable(pod: JSON, info: NodeInfo) -> int:
    """Return how many taints of a node the pod would rather not meet."""
    tolerations = list_at(pod, "spec", "tolerations")
    return sum(not tolerates(tolerations, each) for each in info.soft_taints)


def _least_allocated(placed: PlacedPod, info: NodeInfo) -> int:
    """Return the mean of the free parts of CPU and memory, in percent."""
    has = info.allocatable
    rated = [
        max(whole - mine - theirs, 0) * 100 // whole
        for mine, theirs, whole in zip(placed.usage, info.usage, map(has.get, _COMPARED), strict=True)
        if whole
    ]
    return sum(rated) // len(rated) if rated else 0


def _balance(placed: PlacedPod, info: NodeInfo) -> int:
    """Return 50 to 100: how much nearer the pod brings the used parts of CPU and memory to each other."""
    before = [info.requested[name] for name in _COMPARED]
    after = [placed.request.get(name, 0) + info.requested[name] for name in _COMPARED]
    has = [info.allocatable.get(name, 0) for name in _COMPARED]
    return 50 + (50 + _evenness(after, has) - _evenness(before, has)) // 2


def _evenness(taken: Sequence[int], has: Sequence[int]) -> int:
    parts = [min(mine / whole, 1.0) for mine, whole in zip(taken, has, strict=True) if whole]
    return int((1 - abs(parts[0] - parts[1]) / 2) * 100) if len(parts) == len(_COMPARED) else 100
