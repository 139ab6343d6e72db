"""What a Job's controller reads of the Job's pods: their index, how often it failed, when they ended. Pure.

Follows k8s.io/kubernetes ``pkg/controller/job/{indexed_job_utils,backoff_utils}.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, annotations_of, is_terminating, parse_time
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.job import COMPLETION_INDEX, TRACKING_FINALIZER, Job
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.pod import read_pod
from kubecontroller.batch.job.policies import match_failure_policy

FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count"
"""Annotations that count the failures of an index, those that the policy ignores apart."""

_MOST = 2**31 - 1


def is_tracked(pod: JSON) -> bool:
    """Tell whether a pod is not counted yet."""
    return TRACKING_FINALIZER in (pod["metadata"].get("finalizers") or ())


def completion_index(pod: JSON) -> int | None:
    """Return the index of a pod, None if it has none."""
    text = annotations_of(pod).get(COMPLETION_INDEX, "")
    return int(text) if text.isascii() and text.isdecimal() else None


def valid_index(job: Job, pod: JSON) -> int | None:
    """Return the index of a pod if the Job has that index; a Job scaled down has fewer."""
    index = completion_index(pod)
    return index if index is not None and index < (job.completions or 0) else None


def indexes_of_pods(pods: Iterable[JSON]) -> set[int]:
    """Return the indexes that some pods have."""
    return {index for pod in pods if (index := completion_index(pod)) is not None}


def is_failed(job: Job, pod: JSON) -> bool:
    """Tell whether a pod counts as failed: one that is being deleted does, unless only ended ones are replaced."""
    phase = read_pod(pod).phase
    if phase == "Failed":
        return True
    return not job.replaces_only_failed and is_terminating(pod) and phase != "Succeeded"


def is_leaving(pod: JSON) -> bool:
    """Tell whether a pod is being deleted and has not ended yet."""
    return is_terminating(pod) and not read_pod(pod).is_finished


def failure_count(pod: JSON) -> int:
    """Return how often the index of a pod had failed before it."""
    return _count(pod, FAILURE_COUNT)


def all_failures(pod: JSON) -> int:
    """Return how often the index of a pod had failed before it, ignored failures included."""
    return _count(pod, FAILURE_COUNT) + _count(pod, IGNORED_FAILURE_COUNT)


def _count(pod: JSON, annotation: str) -> int:
    text = annotations_of(pod).get(annotation, "")
    count = int(text) if text.isascii() and text.isdecimal() else 0
    return count if count <= _MOST else 0


def next_failure_counts(job: Job, replaced: JSON | None) -> dict[str, str]:
    """Return the annotations of the pod that replaces another, None for the first one of an index."""
    if replaced is None:
        return {FAILURE_COUNT: "0"}
    failures, ignored = _count(replaced, FAILURE_COUNT), _count(replaced, IGNORED_FAILURE_COUNT)
    if match_failure_policy(job.failure_rules, replaced).is_counted:
        failures += 1
    else:
        ignored += 1
    counts = {FAILURE_COUNT: str(failures)}
    return {**counts, IGNORED_FAILURE_COUNT: str(ignored)} if ignored else counts


def is_index_failed(job: Job, pod: JSON) -> bool:
    """Tell whether a pod's failure is the last that its index may have."""
    if not is_failed(job, pod):
        return False
    match = match_failure_policy(job.failure_rules, pod)
    if match.action == "FailIndex":
        return True
    limit = job.backoff_limit_per_index
    return match.is_counted and limit is not None and failure_count(pod) >= limit


def ended_at(pod: JSON) -> float:
    """Return when a pod ended, in seconds since the epoch; when that is not known, what is nearest to it."""
    ends = _container_ends(pod)
    if ends:
        return max(ends)
    ready = find_condition(pod, "Ready")
    if ready is not None and ready.get("status") == "False" and ready.get("lastTransitionTime"):
        return parse_time(ready["lastTransitionTime"])
    metadata = pod["metadata"]
    if is_terminating(pod):
        return parse_time(metadata["deletionTimestamp"]) - float(metadata.get("deletionGracePeriodSeconds", 0))
    return parse_time(metadata["creationTimestamp"])


def _container_ends(pod: JSON) -> list[float]:
    """Return when each container ended, sidecars among them; [] if one of them has not."""
    sidecars = {each["name"] for each in read_pod(pod).sidecars}
    statuses = [
        *list_at(pod, "status", "containerStatuses"),
        *(each for each in list_at(pod, "status", "initContainerStatuses") if each.get("name") in sidecars),
    ]
    ends = [map_at(each, "state", "terminated").get("finishedAt", "") for each in statuses]
    return [parse_time(each) for each in ends] if all(ends) else []
