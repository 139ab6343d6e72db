"""The status of a Deployment: its counts, and the conditions Available and Progressing.

Pure. Follows k8s.io/kubernetes ``pkg/controller/deployment`` (sync.go, progress.go);
``kubectl rollout status`` reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, format_time, parse_time
from kubeapi.objects.conditions import find_condition, with_condition
from kubeapi.objects.workload import Workload, read_workload
from kubecontroller.workload.deployment.rollout import limits_of

NEW_REPLICA_SET_AVAILABLE = "NewReplicaSetAvailable"
PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
REPLICA_FAILURE = "ReplicaFailure"
_SETTLED = (NEW_REPLICA_SET_AVAILABLE, PROGRESS_DEADLINE_EXCEEDED, PAUSED)
"""Reasons of Progressing after which there is no deadline to wait for."""


class Condition(NamedTuple):
    """A condition without its times; ``status`` is True, False or Unknown."""

    type: str
    status: str
    reason: str
    message: str


def progressing(status: str, reason: str, message: str) -> Condition:
    """Return a condition Progressing."""
    return Condition("Progressing", status, reason, message)


def condition_of(status: JSON, kind: str) -> JSON | None:
    """Return the condition of a type, None if the status has none of it."""
    return find_condition({"status": status}, kind)


def with_changed(status: JSON, condition: Condition, now: float) -> JSON:
    """Return the status with a condition; itself if it has the condition with the same status and reason."""
    before = condition_of(status, condition.type)
    if before and (before["status"], before["reason"]) == (condition.status, condition.reason):
        return status
    return _replaced(status, condition, now)


def _replaced(status: JSON, condition: Condition, now: float) -> JSON:
    before, stamp = condition_of(status, condition.type), format_time(now)
    changed = before["lastTransitionTime"] if before and before["status"] == condition.status else stamp
    return with_condition(status, {**condition._asdict(), "lastUpdateTime": stamp, "lastTransitionTime": changed})


def has_progress_deadline(deployment: JSON) -> bool:
    """Tell whether the Deployment's progress is watched at all."""
    return read_workload(deployment).progress_deadline_seconds is not None


def counted(deployment: JSON, status: JSON, new: JSON | None, replica_sets: Sequence[JSON], now: float) -> JSON:
    """Return the status with fresh counts and the condition Available, its other conditions as they were."""
    sets = [read_workload(each) for each in replica_sets]
    available = sum(each.available_replicas for each in sets)
    counts = {
        "replicas": sum(each.current_replicas for each in sets),
        "updatedReplicas": read_workload(new).current_replicas if new else 0,
        "readyReplicas": sum(each.ready_replicas for each in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(each.replicas for each in sets) - available),
    }
    fresh: JSON = {"observedGeneration": read_workload(deployment).generation}
    fresh |= {name: count for name, count in counts.items() if count}
    terminating = _terminating(sets)
    if terminating is not None:
        fresh["terminatingReplicas"] = terminating
    if status.get("collisionCount") is not None:
        fresh["collisionCount"] = status["collisionCount"]
    if status.get("conditions"):
        fresh["conditions"] = status["conditions"]
    return with_changed(fresh, _availability(deployment, available), now)


def _terminating(sets: Sequence[Workload]) -> int | None:
    """Return how many pods are being deleted; None if a ReplicaSet does not say (a saved one, before its next sync)."""
    counts = [each.terminating_replicas for each in sets if each.observed_generation]
    return None if None in counts else sum(filter(None, counts))


def _availability(deployment: JSON, available: int) -> Condition:
    limits = limits_of(deployment)
    if available >= limits.replicas - limits.max_unavailable:
        text = "Deployment has minimum availability."
        return Condition("Available", "True", "MinimumReplicasAvailable", text)
    text = "Deployment does not have minimum availability."
    return Condition("Available", "False", "MinimumReplicasUnavailable", text)


def is_complete(deployment: JSON, status: JSON) -> bool:
    """Tell whether all pods that the Deployment wants are there, new and available, and no others."""
    workload = Workload({**deployment, "status": status})
    counts = workload.updated_replicas, workload.current_replicas, workload.available_replicas
    return workload.is_observed and all(count == workload.replicas for count in counts)


def progressed(deployment: JSON, status: JSON, new: JSON | None, now: float) -> JSON:
    """Return the status with the condition Progressing brought up to date; ``new`` is the newest ReplicaSet."""
    if not has_progress_deadline(deployment):
        others = [each for each in status.get("conditions") or () if each["type"] != "Progressing"]
        return {**status, "conditions": others}
    before = condition_of(status, "Progressing")
    was_complete = before is not None and before["reason"] == NEW_REPLICA_SET_AVAILABLE
    if was_complete and status.get("replicas", 0) == status.get("updatedReplicas", 0):
        return status
    subject = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        done = progressing("True", NEW_REPLICA_SET_AVAILABLE, f"{subject} has successfully progressed.")
        return with_changed(status, done, now)
    if _has_come_further(read_workload(deployment), Workload({"status": status})):
        # Replaced even if it says the same as before: the deadline counts from its lastUpdateTime.
        return _replaced(status, progressing("True", "ReplicaSetUpdated", f"{subject} is progressing."), now)
    if _has_timed_out(deployment, before, now):
        late = progressing("False", PROGRESS_DEADLINE_EXCEEDED, f"{subject} has timed out progressing.")
        return with_changed(status, late, now)
    return status


def _has_come_further(before: Workload, after: Workload) -> bool:
    """Tell whether pods of old templates have gone, or pods of the new one have come, become ready or available."""
    return (
        after.current_replicas - after.updated_replicas < before.current_replicas - before.updated_replicas
        or after.updated_replicas > before.updated_replicas
        or after.ready_replicas > before.ready_replicas
        or after.available_replicas > before.available_replicas
    )


def _has_timed_out(deployment: JSON, condition: JSON | None, now: float) -> bool:
    if condition is None or condition["reason"] in {NEW_REPLICA_SET_AVAILABLE, PAUSED}:
        return False
    return condition["reason"] == PROGRESS_DEADLINE_EXCEEDED or now >= _deadline(deployment, condition)


def _deadline(deployment: JSON, condition: JSON) -> float:
    return parse_time(condition["lastUpdateTime"]) + (read_workload(deployment).progress_deadline_seconds or 0)


def seconds_to_deadline(deployment: JSON, status: JSON, now: float) -> float | None:
    """Return after how many seconds the progress deadline passes, None if there is none to wait for."""
    condition = condition_of(status, "Progressing")
    if not has_progress_deadline(deployment) or condition is None or condition["reason"] in _SETTLED:
        return None
    if is_complete(deployment, status):
        return None
    return max(0.0, _deadline(deployment, condition) - now)


def with_replica_failure(status: JSON, replica_sets: Iterable[JSON]) -> JSON:
    """Return the status with the first ReplicaFailure of these ReplicaSets, or with none (getReplicaFailures)."""
    found = next(filter(None, (find_condition(each, REPLICA_FAILURE) for each in replica_sets)), None)
    before = condition_of(status, REPLICA_FAILURE)
    if found is None:
        others = [each for each in status.get("conditions") or () if each["type"] != REPLICA_FAILURE]
        return {**status, "conditions": others} if before else status
    if before and (before["status"], before["reason"]) == (found["status"], found["reason"]):
        return status
    return with_condition(status, {**found, "lastUpdateTime": found["lastTransitionTime"]})


def with_pause(deployment: JSON, status: JSON, now: float) -> JSON:
    """Return the status with a condition Progressing that says that the rollout was paused, or resumed."""
    condition = condition_of(status, "Progressing")
    if not has_progress_deadline(deployment):
        return status
    if condition and condition["reason"] == PROGRESS_DEADLINE_EXCEEDED:
        return status
    was_paused = condition is not None and condition["reason"] == PAUSED
    is_paused = read_workload(deployment).is_paused
    if is_paused and not was_paused:
        return with_changed(status, progressing("Unknown", PAUSED, "Deployment is paused"), now)
    if was_paused and not is_paused:
        return with_changed(status, progressing("Unknown", "DeploymentResumed", "Deployment is resumed"), now)
    return status
