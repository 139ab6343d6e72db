"""Deletes the pods of a deleted node, at once and without grace: no kubelet is left to stop them.

Pure. Follows the orphaned part of k8s.io/kubernetes ``pkg/controller/podgc``. Its quarantine is for pods of a node that
was never seen and may only be late; a node that was deleted is known to be gone.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import NODES, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Delete, Requeue
from kubecontroller.listers import Listers

QUARANTINE_SECONDS = 40.0
"""How long a pod waits for a node that was never seen (podgc's ``quarantineTime``)."""


def reconcile(pod: JSON, waited: float) -> list[Change]:
    """Return the deletion of a pod that has ``waited`` so many seconds for its node, or when to look again."""
    if waited < QUARANTINE_SECONDS:
        return [Requeue(QUARANTINE_SECONDS - waited)]
    return [Delete(PODS, key_of(pod), pod["metadata"].get("uid", ""), grace_seconds=0)]


class PodGarbageCollector:
    """Reconciles every pod that is on a node without a Node object."""

    name = "pod-garbage-collector-controller"
    resource = PODS
    watches = (NODES, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers
        self._deleted: set[str] = set()
        self._since: dict[ObjectKey, float] = {}

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the pods of a deleted node, or a pod on a node that does not exist."""
        if resource is NODES:
            return self._pods_after_node(delta)
        if delta.new is None:
            self._since.pop(delta.key, None)
            return ()
        return [delta.key] if self._is_orphaned(delta.new) else ()

    def _pods_after_node(self, delta: Delta) -> list[ObjectKey]:
        name = delta.key.name
        if delta.new is not None:
            self._deleted.discard(name)
            return []
        self._deleted.add(name)
        return [key_of(pod) for pod in self._listers.store.list(PODS) if read_pod(pod).node_name == name]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a pod needs."""
        pod = self._listers.store.find(PODS, key)
        if pod is None or not self._is_orphaned(pod):
            self._since.pop(key, None)
            return []
        is_deleted = read_pod(pod).node_name in self._deleted
        return reconcile(pod, QUARANTINE_SECONDS if is_deleted else now - self._since.setdefault(key, now))

    def _is_orphaned(self, pod: JSON) -> bool:
        node = read_pod(pod).node_name
        return bool(node) and self._listers.store.find(NODES, ObjectKey("", node)) is None
