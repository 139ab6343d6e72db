"""Evictions: the deletion of a pod, if its PodDisruptionBudget allows it. Pure.

Follows k8s.io/kubernetes ``pkg/registry/core/pod/storage/eviction.go``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.objects.budget import DISRUPTION_ALLOWED, SYNC_FAILED, Budget, read_budget, sufficiency
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.disruption import with_disruption
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubeapi.registry import DeleteOptions, Registry
from kubeapi.scheme import PODDISRUPTIONBUDGETS, PODS
from kubeapi.status import FieldError, Forbidden, StatusError
from kubeapiserver.errors import DisruptionRefused

MOST_DISRUPTED = 2000
"""Evictions of a budget that may wait for the pods to go (MaxDisruptedPodSize)."""

_CAUSE = "DisruptionBudget"
_BUSY_SECONDS = 10


class Eviction(NamedTuple):
    """A pod to evict, and how it is deleted."""

    key: ObjectKey
    options: DeleteOptions
    is_dry_run: bool


class Evictions:
    """Evicts pods; ``clock`` gives seconds since the epoch."""

    def __init__(self, registry: Registry, clock: Callable[[], float]) -> None:
        self._registry = registry
        self._clock = clock

    def evict(self, eviction: Eviction) -> None:
        """Begin the deletion of a pod. StatusError if its budget does not allow it, NotFound without such a pod."""
        pod = self._registry.store.get(PODS, *eviction.key)
        if not _is_no_loss(pod):
            budgets = self._registry.store.list(PODDISRUPTIONBUDGETS, eviction.key.namespace)
            found = [each for each in map(read_budget, budgets) if each.selects(pod)]
            if len(found) > 1:
                text = (
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
                )
                raise StatusError(500, "", text)
            if found and not _is_spare(found[0], pod):
                self._take(found[0], eviction)
        self._delete(eviction)

    def _take(self, budget: Budget, eviction: Eviction) -> None:
        """Take one disruption from a budget, or raise why that cannot be (checkAndDecrement)."""
        _check(budget)
        left = budget.disruptions_allowed - 1
        disrupted = {**budget.disrupted_pods, eviction.key.name: format_time(self._clock())}
        status = {**status_of(budget.obj), "disruptionsAllowed": left, "disruptedPods": disrupted}
        if not left:
            status = budget.with_condition(status, sufficiency(status), self._clock())
        changed = {**budget.obj, "status": status}
        self._registry.update_status(PODDISRUPTIONBUDGETS, changed, dry_run=eviction.is_dry_run)

    def _delete(self, eviction: Eviction) -> None:
        """Note on the pod why it goes, and delete it; what the client states of the pod is checked first."""
        key, options = eviction.key, eviction.options
        self._registry.delete(PODS, *key, options, dry_run=True)
        if eviction.is_dry_run:
            return
        pod = self._registry.store.get(PODS, *key)
        ending = with_disruption(pod, "EvictionByEvictionAPI", "Eviction API: evicting", self._clock())
        self._registry.update_status(PODS, ending)
        self._registry.delete(PODS, *key, options._replace(resource_version=""))


def _is_no_loss(pod: JSON) -> bool:
    """Tell whether a pod does not serve anybody: budgets do not count it (canIgnorePDB)."""
    reading = read_pod(pod)
    return reading.is_finished or reading.phase == "Pending" or reading.is_terminating


def _is_spare(budget: Budget, pod: JSON) -> bool:
    """Tell whether a pod that is not ready may go without being taken from the budget."""
    if read_pod(pod).is_ready:
        return False
    desired = budget.count("desiredHealthy")
    return budget.always_allows_unready or 0 < desired <= budget.count("currentHealthy")


def _check(budget: Budget) -> None:
    """Raise why a budget allows no disruption."""
    if not budget.is_observed:
        raise _too_many(f"The disruption budget {budget.name} is still being processed by the server.", _BUSY_SECONDS)
    rejection = f"The disruption budget {budget.name} does not allow evicting pods currently"
    if budget.disruptions_allowed < 0:
        raise _forbidden(
            budget, "pdb disruptions allowed is negative", f"{rejection}: pdb disruptions allowed is negative"
        )
    if len(budget.disrupted_pods) > MOST_DISRUPTED:
        detail = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise _forbidden(budget, detail, f"{rejection}: too many pending evictions not confirmed by PDB controller")
    if budget.disruptions_allowed == 0:
        raise _too_many(_exhausted(budget, rejection))


def _exhausted(budget: Budget, rejection: str) -> str:
    """Return why a budget has nothing left."""
    condition = find_condition(budget.obj, DISRUPTION_ALLOWED) or {"status": "", "reason": "", "message": ""}
    message = condition["message"] if condition["status"] == "False" else ""
    desired, current = budget.count("desiredHealthy"), budget.count("currentHealthy")
    if message and condition["reason"] == SYNC_FAILED:
        return f"{rejection} because it failed sync: {message}"
    if current <= desired:
        return f"The disruption budget {budget.name} needs {desired} healthy pods and has {current} currently"
    return f"{rejection} ({condition['reason']}): {message}" if message else rejection


def _too_many(cause: str, retry_after: int = 0) -> DisruptionRefused:
    return DisruptionRefused(FieldError(_CAUSE, "", cause), retry_after)


def _forbidden(budget: Budget, detail: str, cause: str) -> Forbidden:
    # Kubernetes names the resource in the singular here.
    text = f'poddisruptionbudget.policy "{budget.name}" is forbidden: {detail}'
    refused = Forbidden(PODDISRUPTIONBUDGETS, budget.name, detail)
    refused.message, refused.kind = text, "poddisruptionbudget"
    refused.causes = (FieldError(_CAUSE, "", cause),)
    return refused
