"""Gives a Node the taints that follow from its conditions and from a cordon; a lost one's pods are not ready. Pure.

A Node without the condition Ready has not been seen by a kubelet yet, and is left alone. Follows k8s.io/kubernetes
``pkg/controller/nodelifecycle``, but that no condition becomes Unknown by time: there is no kubelet that could be late.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.objects.conditions import conditions_of, is_condition_true
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import list_at, spec_of, status_of
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import NODES, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import NORMAL, WARNING, Change, RecordEvent, Update, UpdateStatus
from kubecontroller.listers import Listers

_PREFIX = "node.kubernetes.io/"
_NOT_READY, _UNREACHABLE = f"{_PREFIX}not-ready", f"{_PREFIX}unreachable"
_CORDONED = f"{_PREFIX}unschedulable"
_BY_CONDITION = {
    ("Ready", "False"): _NOT_READY,
    ("Ready", "Unknown"): _UNREACHABLE,
    ("MemoryPressure", "True"): f"{_PREFIX}memory-pressure",
    ("DiskPressure", "True"): f"{_PREFIX}disk-pressure",
    ("NetworkUnavailable", "True"): f"{_PREFIX}network-unavailable",
    ("PIDPressure", "True"): f"{_PREFIX}pid-pressure",
}
"""Keys of taints by the type and the status of a condition (nodeConditionToTaintKeyStatusMap)."""
_READY_TAINTS = (_NOT_READY, _UNREACHABLE)
_OWN_KEYS = frozenset((*_BY_CONDITION.values(), _CORDONED))


def wanted_taints(node: JSON) -> list[tuple[str, str]]:
    """Return the keys and effects of the taints that a Node must have, of those that are the controller's."""
    conditions = [(each.get("type"), each.get("status")) for each in list_at(node, "status", "conditions")]
    keys = [_BY_CONDITION[each] for each in conditions if each in _BY_CONDITION]
    wanted = [(key, "NoSchedule") for key in keys]
    if read_node(node).is_unschedulable:
        wanted.append((_CORDONED, "NoSchedule"))
    return [*wanted, *((key, "NoExecute") for key in keys if key in _READY_TAINTS)]


def reconcile(node: JSON, now: float) -> list[Change]:
    """Return the write of a Node whose taints do not follow from its state."""
    wanted, taints = wanted_taints(node), read_node(node).taints
    has = {(each["key"], each.get("effect", "")) for each in taints}
    is_reported = any(each.get("type") == "Ready" for each in list_at(node, "status", "conditions"))
    kept = [each for each in taints if not _is_own(each, is_reported) or (each["key"], each["effect"]) in wanted]
    added = [
        {"key": key, "effect": effect, "timeAdded": format_time(now)}
        for key, effect in wanted
        if (key, effect) not in has
    ]
    if not added and len(kept) == len(taints):
        return []
    spec = {name: value for name, value in spec_of(node).items() if name != "taints"}
    write = Update(NODES, {**node, "spec": {**spec, "taints": [*kept, *added]} if kept or added else spec})
    if all(each["key"] != _UNREACHABLE for each in added):
        return [write]
    text = f"Node {node['metadata']['name']} status is now: NodeNotReady"
    return [write, RecordEvent(node, NORMAL, "NodeNotReady", text)]


def unready(pods: Iterable[JSON], now: float) -> list[Change]:
    """Return the writes by which the pods of a lost node are ready no more (MarkPodsNotReady)."""
    changes: list[Change] = []
    for pod in pods:
        if is_condition_true(pod, "Ready"):
            changes += [
                UpdateStatus(PODS, _with_ready_false(pod, now)),
                RecordEvent(pod, WARNING, "NodeNotReady", "Node is not ready"),
            ]
    return changes


def _with_ready_false(pod: JSON, now: float) -> JSON:
    changed = {"status": "False", "lastTransitionTime": format_time(now)}
    conditions = [each | changed if each["type"] == "Ready" else each for each in conditions_of(pod)]
    return {**pod, "status": {**status_of(pod), "conditions": conditions}}


def _is_own(taint: JSON, is_reported: bool) -> bool:
    """Tell whether nobody else gives and takes a taint."""
    key, effect = taint["key"], taint.get("effect")
    if key in _READY_TAINTS:
        return is_reported and effect in ("NoSchedule", "NoExecute")
    return key in _OWN_KEYS and effect == "NoSchedule"


class NodeLifecycleController:
    """Reconciles every Node."""

    name = "node-controller"
    resource = NODES
    watches = (NODES,)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Node that has changed."""
        return [delta.key] if delta.new is not None else ()

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a Node needs, and its pods if it is lost."""
        node = self._listers.store.find(NODES, key)
        if node is None:
            return []
        changes = reconcile(node, now)
        if not read_node(node).is_lost:
            return changes
        return [*changes, *unready((each for each in self._listers.store.list(PODS) if _is_on(each, key.name)), now)]


def _is_on(pod: JSON, node: str) -> bool:
    return read_pod(pod).node_name == node
