"""Pods of a node that is no more go with it, at once and without grace: nobody is left to stop them.

Pure. Follows the orphaned part of k8s.io/kubernetes ``pkg/controller/podgc``. Its quarantine is for pods of a node that
has not been seen yet, which may only be late; one that somebody has deleted is known to be gone.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.informer import Delta
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import NODES, PODS, Resource
from kubecontroller.change import Change, Delete, Requeue
from kubecontroller.listers import Listers

QUARANTINE_SECONDS = 40.0
"""How long a pod waits for a node that has never been there (podgc's ``quarantineTime``)."""


def reconcile(pod: JSON, waited: float) -> list[Change]:
    """Return what becomes of a pod without a node that has ``waited`` seconds for it."""
    if waited < QUARANTINE_SECONDS:
        return [Requeue(QUARANTINE_SECONDS - waited)]
    return [Delete(PODS, key_of(pod), pod["metadata"].get("uid", ""), grace_seconds=0)]


class PodGarbageCollector:
    """Runs ``reconcile`` for every pod that is on a node without a Node object."""

    name = "pod-garbage-collector-controller"
    resource = PODS
    watches = (NODES, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers
        self._deleted: set[str] = set()
        self._since: dict[ObjectKey, float] = {}

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the pods of a node that has gone, or a pod that came to one that is not there."""
        if resource is NODES:
            return self._note_node(delta)
        if delta.new is None:
            self._since.pop(delta.key, None)
            return ()
        return [delta.key] if self._is_orphaned(delta.new) else ()

    def _note_node(self, delta: Delta) -> list[ObjectKey]:
        name = delta.key.name
        if delta.new is not None:
            self._deleted.discard(name)
            return []
        self._deleted.add(name)
        return [key_of(pod) for pod in self._listers.store.list(PODS) if pod["spec"].get("nodeName") == name]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that a pod needs."""
        pod = self._listers.store.find(PODS, key)
        if pod is None or not self._is_orphaned(pod):
            self._since.pop(key, None)
            return []
        is_sure = pod["spec"]["nodeName"] in self._deleted
        return reconcile(pod, QUARANTINE_SECONDS if is_sure else now - self._since.setdefault(key, now))

    def _is_orphaned(self, pod: JSON) -> bool:
        node = pod["spec"].get("nodeName")
        return bool(node) and self._listers.store.find(NODES, ObjectKey("", node)) is None
