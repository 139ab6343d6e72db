"""One reconcile of one StatefulSet: which pods and claims are created, kept, replaced and deleted now. Pure.

Pods of an ordered StatefulSet come one after the other and go in the opposite order, each when those before it are
available; with podManagementPolicy Parallel all come and go at once. Follows k8s.io/kubernetes
``pkg/controller/statefulset/stateful_set_control.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, is_terminating
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.statefulset import StatefulSet, read_stateful_set
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, PODS
from kubecontroller.change import WARNING, Change, Create, Outcome, RecordEvent, Update, delete
from kubecontroller.workload.controllerrevision import is_of_revision, with_template
from kubecontroller.workload.intstr import scaled_value
from kubecontroller.workload.statefulset.claimretention import is_controlled_by_another, is_stale, with_owners
from kubecontroller.workload.statefulset.pods import (
    has_identity,
    has_storage,
    new_claims,
    new_pod,
    ordinal_of,
    with_identity,
    with_storage,
)

FindClaim = Callable[[str], JSON | None]
"""Returns the claim of a name in the StatefulSet's namespace."""


class Revisions(NamedTuple):
    """The revision that all pods had before the update that is under way, and the one that they are updated to."""

    current: JSON
    update: JSON

    @property
    def names(self) -> tuple[str, str]:
        """Their names, which pods have as a label."""
        return self.current["metadata"]["name"], self.update["metadata"]["name"]


class StatefulSetStep:
    """Collects the ``changes`` of one reconcile; ``pods`` are its own."""

    def __init__(
        self, stateful_set: JSON, pods: Sequence[JSON], revisions: Revisions, find_claim: FindClaim, now: float
    ) -> None:
        self.stateful_set = read_stateful_set(stateful_set)
        self.changes: list[Change] = []
        self.deleted: set[str] = set()
        """Names of the pods that are deleted for an update."""
        self._updated = StatefulSet(with_template(stateful_set, revisions.update))
        self._revisions = revisions
        self._find_claim = find_claim
        self._now = now
        ordinals = self.stateful_set.ordinals
        self._pods = {ordinal_of(each): each for each in pods if ordinal_of(each) >= 0}
        self._replicas = [self._pods.get(ordinal) for ordinal in ordinals]
        self._condemned = [self._pods[each] for each in sorted(self._pods, reverse=True) if each not in ordinals]

    def advance(self) -> None:
        """Take all steps that are possible now."""
        is_ordered = self.stateful_set.is_ordered
        for ordinal, pod in zip(self.stateful_set.ordinals, self._replicas, strict=True):
            if not self._keep(ordinal, pod) and is_ordered:
                return
        for pod in self._condemned:
            self._give_owners(pod)
        for pod in self._condemned:
            self._dismiss(pod)
            if is_ordered:
                return
        if self.stateful_set.replaces_pods:
            self._replace_old()

    def _keep(self, ordinal: int, pod: JSON | None) -> bool:
        """Create the pod of an ordinal, or bring it to what it should be; tell whether the next one may follow."""
        if pod is None:
            self._create(ordinal)
            return False
        reading = read_pod(pod)
        if reading.is_finished:
            if not reading.is_terminating:
                self._delete(pod)
            return False
        if reading.phase == "Pending":
            self._create_claims(ordinal, pod)
        if self.stateful_set.is_ordered and not (self._is_running(pod) and self._is_available(pod)):
            return False
        self._match(ordinal, pod)
        return True

    def _create(self, ordinal: int) -> None:
        """Create the pod of an ordinal after its claims, unless one of these still goes with an earlier pod."""
        current, update = self._revisions.names
        is_old = self._keeps_current(ordinal)
        origin = StatefulSet(with_template(self.stateful_set.obj, self._revisions.current)) if is_old else self._updated
        pod = new_pod(origin, ordinal, current if is_old else update)
        if not self._create_claims(ordinal, pod):
            return
        self.changes.append(Create(PODS, pod, self._outcome("Create", pod)))

    def _keeps_current(self, ordinal: int) -> bool:
        """Tell whether the pod of an ordinal is made from the current revision (newVersionedStatefulSetPod)."""
        if not self.stateful_set.replaces_pods:
            return False
        partition = self.stateful_set.partition
        if partition is None:
            partition = status_of(self.stateful_set.obj).get("currentReplicas") or 0
        return ordinal < self.stateful_set.start + partition

    def _create_claims(self, ordinal: int, pod: JSON) -> bool:
        """Create the claims that a pod lacks; tell whether it may be created."""
        found = [(each, self._find_claim(each["metadata"]["name"])) for each in new_claims(self._updated, ordinal)]
        is_reused = not self.stateful_set.deletes_claims_when_scaled
        if not is_reused and any(claim is not None and is_stale(claim, pod) for _, claim in found):
            return False
        for wanted, claim in found:
            if claim is not None and is_terminating(claim):
                self._refuse(pod, f"pvc {claim['metadata']['name']} is being deleted")
                return False
            if claim is None:
                owned = with_owners(wanted, self.stateful_set, pod)
                self.changes.append(Create(PERSISTENTVOLUMECLAIMS, owned, self._claim_outcome(pod, wanted)))
            else:
                self._give_owner(claim, pod)
        return True

    def _match(self, ordinal: int, pod: JSON) -> None:
        """Give a pod back the labels and volumes of its ordinal, and its claims their owners."""
        self._give_owners(pod)
        if has_identity(pod) and has_storage(self.stateful_set, pod):
            return
        matched = with_storage(self._updated, with_identity(pod))
        self._create_claims(ordinal, matched)
        self.changes.append(Update(PODS, matched, self._outcome("Update", pod)))

    def _give_owners(self, pod: JSON) -> None:
        for each in new_claims(self._updated, ordinal_of(pod)):
            if (claim := self._find_claim(each["metadata"]["name"])) is not None:
                self._give_owner(claim, pod)

    def _give_owner(self, claim: JSON, pod: JSON) -> None:
        owned = with_owners(claim, self.stateful_set, pod)
        if owned is not claim:
            self.changes.append(Update(PERSISTENTVOLUMECLAIMS, owned))
            if is_controlled_by_another(claim, self.stateful_set, pod):
                text = (
                    f"PersistentVolumeClaim {claim['metadata']['name']} has a conflicting OwnerReference that acts as a"
                    " manging controller, the retention policy is ignored for this claim"
                )
                self.changes.append(RecordEvent(self.stateful_set.obj, WARNING, "ConflictingController", text))

    def _dismiss(self, pod: JSON) -> None:
        """Delete a pod that is one too many; an ordered one that is not available only if it is the first of those."""
        is_healthy = self._is_running(pod) and self._is_available(pod)
        may_go = is_healthy or not self.stateful_set.is_ordered or pod is self._first_unavailable()
        if may_go and not is_terminating(pod):
            self._delete(pod)

    def _first_unavailable(self) -> JSON | None:
        """Return the first pod that is not available, those that are too many last."""
        pods = [each for each in self._replicas if each is not None] + self._condemned[::-1]
        return next((each for each in pods if self._is_unavailable(each)), None)

    def _replace_old(self) -> None:
        """Delete pods of old revisions, the last first, as many as may be unavailable."""
        room = self._max_unavailable() - sum(map(self._is_unavailable, self._replicas))
        candidates = [each for each in self._updatable() if self._is_old(each) and not is_terminating(each)]
        if self.stateful_set.is_ordered:
            chosen = candidates[: max(0, room)]
        else:
            broken = [each for each in candidates if not self._is_available(each)]
            sound = [each for each in candidates if self._is_available(each)]
            chosen = [*broken, *sound[: max(0, room)]]
        for each in chosen:
            self.deleted.add(each["metadata"]["name"])
            self._delete(each)

    def _updatable(self) -> list[JSON]:
        """Return the pods beyond the partition, the last first."""
        beyond = self._replicas[self.stateful_set.partition or 0 :]
        return [each for each in reversed(beyond) if each is not None]

    def _max_unavailable(self) -> int:
        return max(1, scaled_value(self.stateful_set.max_unavailable, self.stateful_set.replicas, round_up=False))

    def _is_old(self, pod: JSON) -> bool:
        return not is_of_revision(pod, self._revisions.names[1])

    def _is_running(self, pod: JSON) -> bool:
        return read_pod(pod).phase == "Running" and read_pod(pod).is_ready

    def _is_available(self, pod: JSON) -> bool:
        return read_pod(pod).seconds_until_available(self.stateful_set.min_ready_seconds, self._now) == 0

    def _is_unavailable(self, pod: JSON | None) -> bool:
        return pod is None or is_terminating(pod) or not self._is_available(pod)

    def _delete(self, pod: JSON) -> None:
        self.changes.append(delete(PODS, pod, self._outcome("Delete", pod)))

    def _outcome(self, verb: str, pod: JSON) -> Outcome:
        what = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {self.stateful_set.name}"
        failed = f"{what} failed error: {{error}}"
        return Outcome(self.stateful_set.obj, f"Failed{verb}", failed, f"Successful{verb}", f"{what} successful")

    def _claim_outcome(self, pod: JSON, claim: JSON) -> Outcome:
        name = claim["metadata"]["name"]
        owner = f"Pod {pod['metadata']['name']} in StatefulSet {self.stateful_set.name}"
        return Outcome(
            self.stateful_set.obj,
            "FailedCreate",
            f"Create Claim {name} for {owner} failed error: {{error}}",
            "SuccessfulCreate",
            f"Create Claim {name} {owner} success",
        )

    def _refuse(self, pod: JSON, why: str) -> None:
        outcome = self._outcome("Create", pod)
        message = outcome.failed_message.format(error=why)
        self.changes.append(RecordEvent(outcome.about, WARNING, outcome.failed, message))
