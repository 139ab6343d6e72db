"""The nodes, with the pods that are assigned to them and those that are to be. Pure.

Follows k8s.io/kubernetes ``pkg/scheduler/framework`` (NodeInfo) and ``pkg/scheduler/backend/cache``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, controller_of
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import map_at
from kubeapi.objects.pod import read_pod
from kubeapi.objects.podresizing import counted_request
from kubeapi.objects.podresources import Amounts, amounts_of, requests_any
from kubeapi.objects.priority import priority_of
from kubescheduler.resources import Usage, usage_of

_NOT_READY: JSON = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class PlacedPod(NamedTuple):
    """A pod on a node: the uid of its owner, and what it requests."""

    pod: JSON
    owner: str
    request: Amounts
    usage: Usage
    has_affinity: bool


class NodeInfo:
    """A Node with its pods and the sums of what they request.

    ``affine`` are the pods with affinity or anti-affinity to others, ``owners`` the numbers of pods by owner.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.node: JSON = {}
        self.allocatable: Amounts = {}
        self.hard_taints: Sequence[JSON] = ()
        self.soft_taints: Sequence[JSON] = ()
        self.pods: dict[ObjectKey, PlacedPod] = {}
        self.affine: dict[ObjectKey, PlacedPod] = {}
        self.requested: Counter[str] = Counter()
        self.owners: Counter[str] = Counter()
        self.usage = Usage(0, 0)

    def put_node(self, node: JSON) -> None:
        """Take the Node's state; {} when it is gone.

        Pods do not come past its ``hard_taints``, of which a node that is not ready has one, whether it is written down
        or not; they rather go where there are no ``soft_taints``.
        """
        self.node, self.allocatable = node, amounts_of(map_at(node, "status", "allocatable"))
        taints = list(read_node(node).taints)
        if not read_node(node).is_ready and not any(each["key"] == _NOT_READY["key"] for each in taints):
            taints.append(_NOT_READY)
        self.hard_taints = [each for each in taints if each.get("effect") in ("NoSchedule", "NoExecute")]
        self.soft_taints = [each for each in taints if each.get("effect") == "PreferNoSchedule"]

    def add(self, key: ObjectKey, placed: PlacedPod) -> None:
        """Count a pod."""
        self.pods[key] = placed
        if placed.has_affinity:
            self.affine[key] = placed
        self._count(placed, 1)

    def remove(self, key: ObjectKey) -> None:
        """Count a pod no more."""
        placed = self.pods.pop(key)
        self.affine.pop(key, None)
        self._count(placed, -1)

    def _count(self, placed: PlacedPod, step: int) -> None:
        for name, amount in placed.request.items():
            self.requested[name] += step * amount
        self.owners[placed.owner] += step
        if not self.owners[placed.owner]:
            del self.owners[placed.owner]
        cpu, memory = self.usage
        self.usage = Usage(cpu + step * placed.usage.cpu, memory + step * placed.usage.memory)

    def copy(self) -> NodeInfo:
        """Return one that can be changed alone."""
        other = NodeInfo(self.name)
        other.node, other.allocatable, other.usage = self.node, self.allocatable, self.usage
        other.hard_taints, other.soft_taints = self.hard_taints, self.soft_taints
        other.pods, other.affine = dict(self.pods), dict(self.affine)
        other.requested, other.owners = self.requested.copy(), self.owners.copy()
        return other


def no_labels(_namespace: str) -> Mapping[str, str]:
    """Return no labels for any namespace."""
    return {}


class World(NamedTuple):
    """All nodes by their names' order; the pods that wait for room on one of them, by its name.

    ``namespace_labels`` returns the labels of a namespace.
    """

    infos: Sequence[NodeInfo]
    nominated: Mapping[str, Mapping[ObjectKey, PlacedPod]] = {}
    namespace_labels: Callable[[str], Mapping[str, str]] = no_labels

    def replaced(self, info: NodeInfo) -> World:
        """Return the world in which one node is as ``info`` has it."""
        return self._replace(infos=[info if each.name == info.name else each for each in self.infos])

    def nominated_before(self, pod: JSON, node: str) -> dict[ObjectKey, PlacedPod]:
        """Return the other pods that wait for room on a node and are no less important."""
        waiting = self.nominated.get(node)
        if not waiting:
            return {}
        own, priority = pod["metadata"].get("uid"), priority_of(pod)
        return {
            key: each
            for key, each in waiting.items()
            if each.pod["metadata"].get("uid") != own and priority_of(each.pod) >= priority
        }


class Nodes:
    """The nodes with the pods that are assigned to them, and the nominations."""

    def __init__(self) -> None:
        self._infos: dict[str, NodeInfo] = {}
        self._places: dict[ObjectKey, str] = {}
        self._nominated: dict[str, dict[ObjectKey, PlacedPod]] = {}
        self._nominations: dict[ObjectKey, str] = {}
        self._sorted: list[NodeInfo] | None = None

    def put_node(self, name: str, node: JSON | None) -> None:
        """Record a Node's state; None when it is gone."""
        self._sorted = None
        self._info(name).put_node({} if node is None else node)
        if node is None:
            self._forget_empty(name)

    def put_pod(self, key: ObjectKey, pod: JSON | None) -> bool:
        """Record a pod's state; return whether it has left a node, or needs less of it.

        It counts if it is assigned and has not ended.
        """
        before = self._take(key)
        reading = read_pod(pod) if pod is not None else None
        if pod is None or reading is None or reading.is_finished:
            return before is not None
        if not reading.node_name:
            if name := map_at(pod, "status").get("nominatedNodeName"):
                self._nominated.setdefault(name, {})[key] = placed_pod(pod)
                self._nominations[key] = name
            return before is not None
        # What a pod counts changes with its status while it is resized.
        if before is not None and before.pod["spec"] is pod["spec"] and not requests_any(pod["spec"]):
            placed = before._replace(pod=pod)
        else:
            placed = placed_pod(pod)
        self._places[key] = reading.node_name
        self._info(reading.node_name).add(key, placed)
        return before is not None and any(placed.request.get(name, 0) < was for name, was in before.request.items())

    def _take(self, key: ObjectKey) -> PlacedPod | None:
        """Forget a pod; return it if it was on a node."""
        if name := self._nominations.pop(key, ""):
            waiting = self._nominated[name]
            del waiting[key]
            if not waiting:
                del self._nominated[name]
        name = self._places.pop(key, "")
        if not name:
            return None
        info = self._infos[name]
        placed = info.pods[key]
        info.remove(key)
        self._forget_empty(name)
        return placed

    def _info(self, name: str) -> NodeInfo:
        if name not in self._infos:
            self._infos[name] = NodeInfo(name)
        return self._infos[name]

    def _forget_empty(self, name: str) -> None:
        if not self._infos[name].node and not self._infos[name].pods:
            del self._infos[name]

    def world(self, namespace_labels: Callable[[str], Mapping[str, str]] = no_labels) -> World:
        """Return all nodes as they are now, in the order of their names."""
        if self._sorted is None:
            self._sorted = [info for _, info in sorted(self._infos.items()) if info.node]
        return World(self._sorted, self._nominated, namespace_labels)

    def nominated_on(self, node: str) -> Iterator[JSON]:
        """Yield the pods that wait for room on a node."""
        yield from (each.pod for each in self._nominated.get(node, {}).values())


def placed_pod(pod: JSON) -> PlacedPod:
    """Return a pod as one on a node."""
    affinity = pod["spec"].get("affinity") or {}
    has_affinity = bool(affinity.get("podAffinity") or affinity.get("podAntiAffinity"))
    return PlacedPod(pod, owner_of(pod), counted_request(pod), usage_of(pod), has_affinity)


def owner_of(pod: JSON) -> str:
    """Return the uid of a pod's controller; a pod without one is its own owner."""
    controller = controller_of(pod)
    return str((controller or pod["metadata"]).get("uid", ""))
