"""What a controller reads off a Pod: is it active, ready, available; which one goes first.

Pure. Follows k8s.io/kubernetes ``pkg/api/v1/pod/util.go`` and ``pkg/controller/controller_utils.go``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kubeapi.meta import JSON, annotations_of, is_terminating, parse_time

DELETION_COST_ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
_PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}


def phase_of(pod: JSON) -> str:
    """Return status.phase; a pod that nobody has looked at yet is Pending."""
    phase: str = (pod.get("status") or {}).get("phase") or "Pending"
    return phase


def is_finished(pod: JSON) -> bool:
    """Tell whether the pod will never run again."""
    return phase_of(pod) in {"Succeeded", "Failed"}


def is_active(pod: JSON) -> bool:
    """Tell whether the pod counts for its ReplicaSet: neither finished nor being deleted."""
    return not is_finished(pod) and not is_terminating(pod)


def ready_condition(pod: JSON) -> JSON:
    """Return the condition Ready, ``{}`` if there is none."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            return dict(condition)
    return {}


def is_ready(pod: JSON) -> bool:
    """Tell whether the condition Ready is True."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            return bool(condition.get("status") == "True")
    return False


def ready_since(pod: JSON) -> float | None:
    """Return since when the pod is ready (seconds since the epoch), None if it is not."""
    condition = ready_condition(pod)
    if condition.get("status") != "True":
        return None
    changed = condition.get("lastTransitionTime")
    return parse_time(changed) if changed else 0.0


def seconds_until_available(pod: JSON, min_ready_seconds: int, now: float) -> float | None:
    """Return 0 if the pod is available, the seconds that are left to minReadySeconds, or None if it is not ready."""
    if min_ready_seconds == 0:
        return 0.0 if is_ready(pod) else None
    since = ready_since(pod)
    return None if since is None else max(0.0, since + min_ready_seconds - now)


def in_deletion_order(pods: list[JSON], related: Iterable[JSON]) -> list[JSON]:
    """Return ``pods`` so that those to delete first come first; ``related`` pods share their Deployment.

    Unassigned before assigned, pending before running, not ready before ready, cheaper before dearer, on fuller nodes
    first, ready for a shorter time, restarted more often, younger (ActivePodsWithRanks).
    """
    per_node = Counter(pod["spec"].get("nodeName", "") for pod in related)

    def rank(pod: JSON) -> tuple[object, ...]:
        since = ready_since(pod)
        return (
            bool(pod["spec"].get("nodeName")),
            _PHASE_RANK.get(phase_of(pod), 1),
            since is not None,
            _deletion_cost(pod),
            -per_node[pod["spec"].get("nodeName", "")],
            -(since or 0.0),
            -_restarts(pod),
            -parse_time(pod["metadata"]["creationTimestamp"]),
            pod["metadata"]["uid"],
        )

    return sorted(pods, key=rank)


def _deletion_cost(pod: JSON) -> int:
    try:
        return int(annotations_of(pod).get(DELETION_COST_ANNOTATION, "0"))
    except ValueError:
        return 0


def _restarts(pod: JSON) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((each.get("restartCount", 0) for each in statuses), default=0)
