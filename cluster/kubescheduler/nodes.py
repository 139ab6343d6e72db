"""The nodes, with the pods that are assigned to them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, controller_of
from kubeapi.objects.pod import read_pod
from kubescheduler.neighbours import Neighbourhood, has_constraints, places_of, repels


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


def owner_of(pod: JSON) -> str:
    """Return the uid of a pod's controller; a pod without one is its own owner."""
    controller = controller_of(pod)
    return str((controller or pod["metadata"]).get("uid", ""))
