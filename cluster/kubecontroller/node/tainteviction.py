"""Deletes the pods that do not tolerate a NoExecute taint of their node, or that do so only for a time. Pure.

Follows k8s.io/kubernetes ``pkg/controller/tainteviction``, also in this: once the time of a deletion is fixed, only a
change that lets the pod stay for ever moves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, is_terminating, key_of
from kubeapi.objects.disruption import with_disruption
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import list_at, spec_of
from kubeapi.objects.placement import tolerates
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import NODES, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import NORMAL, Change, RecordEvent, Requeue, UpdateStatus, delete
from kubecontroller.listers import Listers

_REASON = "TaintManagerEviction"


def no_execute_taints(node: JSON | None) -> list[JSON]:
    """Return the taints of a Node that pods must not only tolerate when they come."""
    return [each for each in read_node(node).taints if each.get("effect") == "NoExecute"] if node is not None else []


def toleration_seconds(tolerations: Sequence[JSON], taints: Iterable[JSON]) -> float | None:
    """Return for how long all these taints are tolerated, 0 if one is not at all; None for ever."""
    seconds: list[float] = []
    for taint in taints:
        used = next((each for each in tolerations if tolerates((each,), taint)), None)
        if used is None:
            return 0
        if (limit := used.get("tolerationSeconds")) is not None:
            seconds.append(max(limit, 0))
    return min(seconds, default=None)


class Deletion(NamedTuple):
    """When a pod is deleted, in seconds since the epoch."""

    uid: str
    due: float


def reconcile(pod: JSON, taints: Sequence[JSON], planned: Deletion | None, now: float) -> tuple[float | None, bool]:
    """Return when a pod is to be deleted, None for never, and whether a planned deletion is given up."""
    left = toleration_seconds(list_at(spec_of(pod), "tolerations"), taints) if taints else None
    if left is None:
        return None, planned is not None
    if left == 0:
        return now, planned is not None and planned.due > now
    return (planned.due if planned is not None else now + left), False


class TaintEvictionController:
    """Reconciles the pods on nodes with such taints; it looks at no pod as long as there is no such node."""

    name = "taint-eviction-controller"
    resource = PODS
    watches = (NODES, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers
        self._tainted: dict[str, list[JSON]] = {}
        self._planned: dict[ObjectKey, Deletion] = {}

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the pods of a node whose taints have changed, or a pod that is new there or tolerates others."""
        if resource is NODES:
            return self._pods_after_node(delta)
        if not self._tainted and not self._planned:
            return ()
        old, new = delta.old, delta.new
        if new is None or old is None or _what_counts(old) != _what_counts(new):
            return [delta.key]
        return ()

    def _pods_after_node(self, delta: Delta) -> list[ObjectKey]:
        name, taints = delta.key.name, no_execute_taints(delta.new)
        if taints == self._tainted.get(name, []):
            return []
        if taints:
            self._tainted[name] = taints
        else:
            del self._tainted[name]
        return [key_of(pod) for pod in self._listers.store.list(PODS) if read_pod(pod).node_name == name]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a pod needs."""
        pod = self._listers.store.find(PODS, key)
        planned = self._planned.get(key)
        if pod is None or is_terminating(pod) or (planned is not None and planned.uid != pod["metadata"]["uid"]):
            planned = None
            self._planned.pop(key, None)
        if pod is None or is_terminating(pod):
            return []
        due, is_given_up = reconcile(pod, self._tainted.get(read_pod(pod).node_name, []), planned, now)
        changes: list[Change] = [_event(pod, f"Cancelling deletion of Pod {key}")] if is_given_up else []
        if due is not None and due > now:
            self._planned[key] = Deletion(pod["metadata"]["uid"], due)
            return [*changes, Requeue(due - now)]
        self._planned.pop(key, None)
        return changes if due is None else [*changes, *_eviction(pod, now)]


def _eviction(pod: JSON, now: float) -> list[Change]:
    why = "Taint manager: deleting due to NoExecute taint"
    ending = with_disruption(pod, "DeletionByTaintManager", why, now)
    return [_event(pod, f"Marking for deletion Pod {key_of(pod)}"), UpdateStatus(PODS, ending), delete(PODS, pod)]


def _event(pod: JSON, message: str) -> RecordEvent:
    return RecordEvent(pod, NORMAL, _REASON, message)


def _what_counts(pod: JSON) -> tuple[str, Sequence[JSON]]:
    return read_pod(pod).node_name, list_at(spec_of(pod), "tolerations")
