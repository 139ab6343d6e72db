"""Claims that are in use are not deleted: their finalizer stays until no pod has them.

Pure. Follows k8s.io/kubernetes ``pkg/controller/volume/pvcprotection``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeapi.meta import JSON, ObjectKey, is_terminating
from kubeapi.objects.claim import claims_of, is_made_for
from kubeapi.objects.parts import list_at
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Update
from kubecontroller.listers import Listers

PROTECTION = "kubernetes.io/pvc-protection"


def reconcile(claim: JSON, pods: Sequence[JSON]) -> list[Change]:
    """Return the write that lets a claim go which is being deleted; ``pods`` are those that name it."""
    finalizers = list_at(claim, "metadata", "finalizers")
    if not is_terminating(claim) or PROTECTION not in finalizers or any(_uses(pod, claim) for pod in pods):
        return []
    kept = [each for each in finalizers if each != PROTECTION]
    return [Update(PERSISTENTVOLUMECLAIMS, {**claim, "metadata": {**claim["metadata"], "finalizers": kept}})]


def _uses(pod: JSON, claim: JSON) -> bool:
    """Tell whether a pod has a claim: once it has a node, and for an ephemeral one until it has ended."""
    reading = read_pod(pod)
    if not reading.node_name:
        return False
    name = claim["metadata"]["name"]
    return any(
        not each.is_ephemeral or (not reading.is_finished and is_made_for(pod, claim))
        for each in claims_of(pod)
        if each.name == name
    )


class ClaimProtectionController:
    """Runs ``reconcile`` for the claims that are being deleted."""

    name = "pvc-protection-controller"
    resource = PERSISTENTVOLUMECLAIMS
    watches = (PERSISTENTVOLUMECLAIMS, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the claims to look at after a change: of a pod, once it is gone or has ended."""
        if resource is PERSISTENTVOLUMECLAIMS:
            return [delta.key] if delta.new is not None and is_terminating(delta.new) else []
        pod = delta.new or delta.old
        if pod is None or (delta.new is not None and not read_pod(pod).is_finished):
            return []
        return [ObjectKey(delta.key.namespace, each.name) for each in claims_of(pod)]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        claim = self._listers.store.find(PERSISTENTVOLUMECLAIMS, key)
        return [] if claim is None else reconcile(claim, self._listers.pods_with_claim(key))
