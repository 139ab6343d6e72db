"""What a PodDisruptionBudget says of itself: which pods it is for, and how many of them may go (policy/v1)."""

from __future__ import annotations

from kubeapi.meta import JSON, format_time, labels_of, matches_selector
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import Reading, map_at, spec_of, status_of

DISRUPTION_ALLOWED = "DisruptionAllowed"
SYNC_FAILED = "SyncFailed"


class Budget(Reading):
    """A PodDisruptionBudget, read when it is asked for."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.obj["metadata"]["name"])

    def selects(self, pod: JSON) -> bool:
        """Tell whether it is for a pod of its namespace: an empty selector is for all, none for no pod."""
        selector = spec_of(self.obj).get("selector")
        return selector is not None and matches_selector(selector, labels_of(pod))

    @property
    def is_observed(self) -> bool:
        """Whether its controller has seen what it says now."""
        return self.count("observedGeneration") >= int(self.obj["metadata"].get("generation") or 0)

    @property
    def always_allows_unready(self) -> bool:
        """Whether a pod that is not ready may always go (unhealthyPodEvictionPolicy)."""
        return bool(spec_of(self.obj).get("unhealthyPodEvictionPolicy") == "AlwaysAllow")

    @property
    def disruptions_allowed(self) -> int:
        """How many pods may go now."""
        return self.count("disruptionsAllowed")

    @property
    def disrupted_pods(self) -> dict[str, str]:
        """The pods that were allowed to go and may still be there, with the time of the eviction."""
        return map_at(self.obj, "status", "disruptedPods")

    def count(self, field: str) -> int:
        """Return a number of its status."""
        return status_of(self.obj).get(field) or 0

    def with_condition(self, status: JSON, reason: str, now: float, message: str = "") -> JSON:
        """Return a status with the condition that says whether pods may go (UpdateDisruptionAllowedCondition)."""
        value = "True" if status.get("disruptionsAllowed") else "False"
        before = find_condition({"status": status}, DISRUPTION_ALLOWED)
        is_same = before is not None and before.get("status") == value
        condition: JSON = {
            "type": DISRUPTION_ALLOWED,
            "status": value,
            "lastTransitionTime": before["lastTransitionTime"] if before and is_same else format_time(now),
            "reason": reason,
            "message": message,
        }
        if generation := status.get("observedGeneration"):
            condition["observedGeneration"] = generation
        listed = status.get("conditions") or ()
        if before is None:
            return {**status, "conditions": [*listed, condition]}
        return {**status, "conditions": [condition if each is before else each for each in listed]}


def sufficiency(status: JSON) -> str:
    """Return the reason of the condition that follows from the number of pods that may go."""
    return "SufficientPods" if status.get("disruptionsAllowed") else "InsufficientPods"


read_budget = Budget
"""Returns the reading of a PodDisruptionBudget."""
