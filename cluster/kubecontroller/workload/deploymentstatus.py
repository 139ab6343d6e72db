"""What a Deployment says of itself: counts, and the conditions Available and Progressing.

Pure. Follows k8s.io/kubernetes ``pkg/controller/deployment`` (sync.go, progress.go);
``kubectl rollout status`` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubeapi.meta import JSON, format_time, parse_time
from kubecontroller.workload.revision import MAX_INT32
from kubecontroller.workload.rollout import limits_of

NEW_REPLICA_SET_AVAILABLE = "NewReplicaSetAvailable"
PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"


def condition(status: JSON, kind: str) -> JSON | None:
    """Return the condition of one type, if the status has it."""
    for each in status.get("conditions") or ():
        if each["type"] == kind:
            return dict(each)
    return None


def with_condition(status: JSON, kind: str, value: str, reason: str, message: str, now: float) -> JSON:
    """Return the status with a condition; the same status and reason as before change nothing."""
    before = condition(status, kind)
    if before and before["status"] == value and before["reason"] == reason:
        return status
    return _replaced(status, before, kind, value, reason, message, now)


def _replaced(status: JSON, before: JSON | None, kind: str, value: str, reason: str, message: str, now: float) -> JSON:
    stamp = format_time(now)
    changed = before["lastTransitionTime"] if before and before["status"] == value else stamp
    others = [each for each in status.get("conditions") or () if each["type"] != kind]
    new = {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "lastUpdateTime": stamp,
        "lastTransitionTime": changed,
    }
    return {**status, "conditions": [*others, new]}


def has_progress_deadline(deployment: JSON) -> bool:
    """Tell whether the Deployment's progress is watched at all (2^31-1 means no deadline)."""
    return bool(deployment["spec"].get("progressDeadlineSeconds", 600) != MAX_INT32)


def counted(deployment: JSON, status: JSON, new: JSON | None, replica_sets: Sequence[JSON], now: float) -> JSON:
    """Return the status with fresh counts and the condition Available, its other conditions as they were."""
    statuses = [each.get("status") or {} for each in replica_sets]
    available = sum(each.get("availableReplicas", 0) for each in statuses)
    asked = sum(each["spec"].get("replicas", 1) for each in replica_sets)
    counts = {
        "replicas": sum(each.get("replicas", 0) for each in statuses),
        "updatedReplicas": ((new or {}).get("status") or {}).get("replicas", 0),
        "readyReplicas": sum(each.get("readyReplicas", 0) for each in statuses),
        "availableReplicas": available,
        "unavailableReplicas": max(0, asked - available),
    }
    fresh: JSON = {"observedGeneration": deployment["metadata"].get("generation", 0)}
    fresh |= {name: count for name, count in counts.items() if count}
    if status.get("collisionCount") is not None:
        fresh["collisionCount"] = status["collisionCount"]
    if status.get("conditions"):
        fresh["conditions"] = status["conditions"]
    limits = limits_of(deployment)
    if available >= limits.replicas - limits.max_unavailable:
        text = "Deployment has minimum availability."
        return with_condition(fresh, "Available", "True", "MinimumReplicasAvailable", text, now)
    text = "Deployment does not have minimum availability."
    return with_condition(fresh, "Available", "False", "MinimumReplicasUnavailable", text, now)


def is_complete(deployment: JSON, status: JSON) -> bool:
    """Tell whether every pod wanted is there, new and available, and no other."""
    wanted = deployment["spec"].get("replicas", 1)
    counts = (status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    is_observed = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return is_observed and all(count == wanted for count in counts)


def progressed(deployment: JSON, status: JSON, new: JSON | None, now: float) -> JSON:
    """Return the status with the condition Progressing brought up to date."""
    if not has_progress_deadline(deployment):
        others = [each for each in status.get("conditions") or () if each["type"] != "Progressing"]
        return {**status, "conditions": others}
    before = condition(status, "Progressing")
    was_complete = before is not None and before["reason"] == NEW_REPLICA_SET_AVAILABLE
    if was_complete and status.get("replicas", 0) == status.get("updatedReplicas", 0):
        return status
    subject = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        text = f"{subject} has successfully progressed."
        return with_condition(status, "Progressing", "True", NEW_REPLICA_SET_AVAILABLE, text, now)
    if _is_progressing(deployment.get("status") or {}, status):
        text = f"{subject} is progressing."
        return _replaced(status, before, "Progressing", "True", "ReplicaSetUpdated", text, now)
    if _has_timed_out(deployment, before, now):
        text = f"{subject} has timed out progressing."
        return with_condition(status, "Progressing", "False", PROGRESS_DEADLINE_EXCEEDED, text, now)
    return status


def _is_progressing(before: JSON, after: JSON) -> bool:
    def old_pods(status: JSON) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_pods(after) < old_pods(before) or any(after.get(each, 0) > before.get(each, 0) for each in grown)


def _has_timed_out(deployment: JSON, progressing: JSON | None, now: float) -> bool:
    if progressing is None or progressing["reason"] in {NEW_REPLICA_SET_AVAILABLE, PAUSED}:
        return False
    return progressing["reason"] == PROGRESS_DEADLINE_EXCEEDED or now >= _deadline(deployment, progressing)


def _deadline(deployment: JSON, progressing: JSON) -> float:
    return parse_time(progressing["lastUpdateTime"]) + float(deployment["spec"].get("progressDeadlineSeconds", 600))


def seconds_to_deadline(deployment: JSON, status: JSON, now: float) -> float | None:
    """Return after how long the Deployment must be looked at again, None when nothing is to be waited for."""
    progressing = condition(status, "Progressing")
    settled = {NEW_REPLICA_SET_AVAILABLE, PROGRESS_DEADLINE_EXCEEDED, PAUSED}
    if not has_progress_deadline(deployment) or progressing is None or progressing["reason"] in settled:
        return None
    if is_complete(deployment, status):
        return None
    return max(0.0, _deadline(deployment, progressing) - now)


def with_pause_noted(deployment: JSON, status: JSON, now: float) -> JSON:
    """Return the status with Progressing saying that the rollout was paused, or resumed."""
    progressing = condition(status, "Progressing")
    if not has_progress_deadline(deployment):
        return status
    if progressing and progressing["reason"] == PROGRESS_DEADLINE_EXCEEDED:
        return status
    is_noted = progressing is not None and progressing["reason"] == PAUSED
    is_paused = bool(deployment["spec"].get("paused"))
    if is_paused and not is_noted:
        return with_condition(status, "Progressing", "Unknown", PAUSED, "Deployment is paused", now)
    if is_noted and not is_paused:
        return with_condition(status, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", now)
    return status
