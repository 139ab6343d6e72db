"""Claims that are in use are not deleted: their finalizer stays until no pod has them; a condition tells of the use.

Pure. Follows k8s.io/kubernetes ``pkg/controller/volume/pvcprotection``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeapi.meta import JSON, ObjectKey, format_time, is_terminating
from kubeapi.objects.claim import PodClaim, claims_of, is_made_for, read_claim
from kubeapi.objects.conditions import find_condition, with_condition
from kubeapi.objects.parts import list_at, status_of
from kubeapi.objects.pod import read_pod
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PODS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Update, UpdateStatus
from kubecontroller.listers import Listers

PROTECTION = "kubernetes.io/pvc-protection"


def reconcile(claim: JSON, pods: Sequence[JSON], now: float) -> list[Change]:
    """Return the write that lets a claim go which is being deleted, or that tells whether it is in use.

    ``pods`` are those that name it.
    """
    if not is_terminating(claim):
        return _tell_use(claim, pods, now)
    finalizers = list_at(claim, "metadata", "finalizers")
    if PROTECTION not in finalizers or any(_has(pod, claim) for pod in pods):
        return []
    kept = [each for each in finalizers if each != PROTECTION]
    return [Update(PERSISTENTVOLUMECLAIMS, {**claim, "metadata": {**claim["metadata"], "finalizers": kept}})]


def _has(pod: JSON, claim: JSON) -> bool:
    """Tell whether a pod has a claim: once it has a node, and for an ephemeral one until it has ended."""
    reading, found = read_pod(pod), _named(pod, claim)
    if not reading.node_name or found is None:
        return False
    return not found.is_ephemeral or (not reading.is_finished and is_made_for(pod, claim))


def _tell_use(claim: JSON, pods: Sequence[JSON], now: float) -> list[Change]:
    """Return the write of the condition Unused, which only a bound claim has."""
    if read_claim(claim).phase != "Bound":
        return []
    before = find_condition(claim, "Unused")
    is_used = any(_will_have(pod, claim) for pod in pods)
    value = "False" if is_used else "True"
    if before is not None and before.get("status") == value:
        return []
    reason, text = ("PodUsingPVC", "A pod is") if is_used else ("NoPodsUsingPVC", "No pods are")
    condition = {
        "type": "Unused",
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": format_time(now),
        "reason": reason,
        "message": f"{text} currently referencing this PVC",
    }
    status = with_condition(status_of(claim), condition)
    return [UpdateStatus(PERSISTENTVOLUMECLAIMS, {**claim, "status": status})]


def _will_have(pod: JSON, claim: JSON) -> bool:
    found = _named(pod, claim)
    is_meant = found is not None and (not found.is_ephemeral or is_made_for(pod, claim))
    return is_meant and not read_pod(pod).is_finished


def _named(pod: JSON, claim: JSON) -> PodClaim | None:
    name = claim["metadata"]["name"]
    return next((each for each in claims_of(pod) if each.name == name), None)


class ClaimProtectionController:
    """Runs ``reconcile`` for the claims that are being deleted."""

    name = "pvc-protection-controller"
    resource = PERSISTENTVOLUMECLAIMS
    watches = (PERSISTENTVOLUMECLAIMS, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the claims to look at after a change: of a pod, when it comes, has ended or is gone."""
        if resource is PERSISTENTVOLUMECLAIMS:
            return [delta.key] if delta.new is not None else []
        pod = delta.new or delta.old
        if pod is None or (delta.old is not None and delta.new is not None and not read_pod(pod).is_finished):
            return []
        return [ObjectKey(delta.key.namespace, each.name) for each in claims_of(pod)]

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        claim = self._listers.store.find(PERSISTENTVOLUMECLAIMS, key)
        return [] if claim is None else reconcile(claim, self._listers.pods_with_claim(key), now)
