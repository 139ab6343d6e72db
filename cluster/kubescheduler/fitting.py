"""Whether a pod fits on a node together with the pods that wait for room there. Pure.

Follows ``RunFilterPluginsWithNominatedPods`` of k8s.io/kubernetes ``pkg/scheduler/framework/runtime``.
"""

from __future__ import annotations

from kubescheduler.filters import Filters
from kubescheduler.nodes import NodeInfo, PlacedPod, World
from kubescheduler.refusal import Refusal
from kubescheduler.storage import PodStorage


class Fitting:
    """Answers for one pod in one world; as most nodes have no such pods, the world's own pods are counted once."""

    def __init__(self, placed: PlacedPod, world: World, storage: PodStorage | None) -> None:
        self._placed, self._world, self._storage = placed, world, storage
        self._filters = Filters(placed, world, storage)

    def refusal(self, info: NodeInfo) -> Refusal | None:
        """Return why a node may not run the pod, None if it may: with the pods that wait, and without them."""
        if waiting := self._world.nominated_before(self._placed.pod, info.name):
            full = info.copy()
            for key, placed in waiting.items():
                full.add(key, placed)
            if refusal := Filters(self._placed, self._world.replaced(full), self._storage).refusal(full):
                return refusal
        return self._filters.refusal(info)
