"""Whether a node may run a pod: cordons, taints, node affinity, ports, resources, and then volumes and other pods.

Pure. The order and the texts are those of k8s.io/kubernetes ``pkg/scheduler/apis/config/v1`` (default plug-ins) and
``pkg/scheduler/framework/plugins``: nodeunschedulable, tainttoleration, nodeaffinity, nodeports, noderesources,
volumebinding, podtopologyspread, interpodaffinity. The first that refuses ends it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import JSON
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import list_at, map_at, spec_of
from kubeapi.objects.placement import matches_node, tolerates
from kubescheduler.affinity import Affinity, pod_affinity
from kubescheduler.nodes import NodeInfo, PlacedPod, World
from kubescheduler.ports import TAKEN, are_taken, node_ports
from kubescheduler.refusal import Refusal, final, resolvable
from kubescheduler.spreading import Spread, pod_spread
from kubescheduler.storage import PodStorage

_CORDON: JSON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""What a pod must tolerate to run on a cordoned node."""


class Filters:
    """Answers for one pod in one world, of which it counts the pods once."""

    def __init__(self, placed: PlacedPod, world: World, storage: PodStorage | None = None) -> None:
        pod = placed.pod
        self._spec = spec_of(pod)
        self._tolerations = list_at(self._spec, "tolerations")
        self._is_choosy = bool(self._spec.get("nodeSelector") or map_at(self._spec, "affinity", "nodeAffinity"))
        self._request = placed.request
        self._ports = node_ports(pod)
        self._storage = storage
        self._world = world
        self._spread: Spread | None = pod_spread(pod, world)
        self._affinity: Affinity | None = pod_affinity(pod, world)

    def refusal(self, info: NodeInfo) -> Refusal | None:
        """Return why a node of the world may not run the pod, None if it may."""
        return self._of_node(info) or self._of_pods(info)

    def _of_node(self, info: NodeInfo) -> Refusal | None:
        """Return why the Node's own spec keeps the pod away."""
        if read_node(info.node).is_unschedulable and not tolerates(self._tolerations, _CORDON):
            return final("node(s) were unschedulable")
        if info.hard_taints and not all(tolerates(self._tolerations, each) for each in info.hard_taints):
            return final("node(s) had untolerated taint(s)")
        if self._is_choosy and not matches_node(self._spec, info.node):
            return final("node(s) didn't match Pod's node affinity/selector")
        return None

    def _of_pods(self, info: NodeInfo) -> Refusal | None:
        """Return why other pods keep the pod away, or their absence."""
        if self._ports and are_taken(self._ports, (each.pod for each in info.pods.values())):
            return resolvable(TAKEN)
        if lacking := [*self._lacking(info)]:
            return Refusal(tuple(reason for reason, _ in lacking), any(is_final for _, is_final in lacking))
        return (
            (self._storage.refusal_of(info.node, self._all_pods()) if self._storage else None)
            or (self._spread.refusal(info.node) if self._spread else None)
            or (self._affinity.refusal(info.node) if self._affinity else None)
        )

    def _all_pods(self) -> Iterator[JSON]:
        return (each.pod for info in self._world.infos for each in info.pods.values())

    def _lacking(self, info: NodeInfo) -> Iterator[tuple[str, bool]]:
        """Yield what a node has not enough of, and whether that is less than the pod needs even if it is alone."""
        allowed = info.allocatable.get("pods")
        if allowed is not None and len(info.pods) >= allowed:
            yield "Too many pods", False
        for name, amount in self._request.items():
            has = info.allocatable.get(name, 0)
            if amount > max(has - info.requested[name], 0):
                yield f"Insufficient {name}", amount > has
