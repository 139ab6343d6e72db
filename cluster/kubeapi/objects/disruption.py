"""The condition DisruptionTarget: a pod ends for a reason that is not its own.

Follows k8s.io/kubernetes ``pkg/api/v1/pod/util.go`` (UpdatePodCondition).
"""

from __future__ import annotations

from kubeapi.meta import JSON, format_time
from kubeapi.objects.conditions import find_condition, with_condition
from kubeapi.objects.parts import status_of

DISRUPTION_TARGET = "DisruptionTarget"


def with_disruption(pod: JSON, reason: str, message: str, now: float) -> JSON:
    """Return a pod with the condition that it is about to end; ``now`` is in seconds since the epoch."""
    condition: JSON = {
        "type": DISRUPTION_TARGET,
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": format_time(now),
        "reason": reason,
        "message": message,
    }
    if generation := pod["metadata"].get("generation"):
        condition["observedGeneration"] = generation
    return {**pod, "status": with_condition(status_of(pod), condition)}


def disruption_reason(pod: JSON) -> str:
    """Return why the pod ends, as its condition says; "" without one that is true."""
    condition = find_condition(pod, DISRUPTION_TARGET)
    return str(condition.get("reason") or "") if condition is not None and condition.get("status") == "True" else ""
