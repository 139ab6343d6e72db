"""How many pods a Job runs at the moment, which ones are created, and which are too many. Pure.

Follows ``manageJob`` in k8s.io/kubernetes ``pkg/controller/job/job_controller.go`` and ``indexed_job_utils.go``.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from kubeapi.jobspec.indexes import indexes_of
from kubeapi.meta import JSON
from kubeapi.objects.job import COMPLETION_INDEX, TRACKING_FINALIZER
from kubeapi.objects.parts import list_at
from kubecontroller.batch.job.backoff import Backoff, index_backoff
from kubecontroller.batch.job.pods import indexes_of_pods, is_leaving, next_failure_counts, valid_index
from kubecontroller.batch.job.sync import JobSync
from kubecontroller.workload.podcontrol import BURST_REPLICAS, pod_from_template
from kubecontroller.workload.replicaset import in_deletion_order

_INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
_LONGEST_NAME = 58
"""Characters of a generated name before its random letters (names.MaxGeneratedNameLength)."""


class Scaling(NamedTuple):
    """The pods that a Job needs besides, those that are too many, and the seconds until it may create more.

    Of pods to create and pods to delete there are only ones or the others.
    """

    created: list[JSON]
    surplus: list[JSON]
    wait: float = 0.0


def scale(sync: JobSync, backoff: Backoff) -> Scaling:
    """Return what brings the running pods of a Job to the number that it wants now."""
    active, wanted = len(sync.active), _wanted(sync)
    if surplus := _surplus(sync, max(0, active - wanted)):
        return Scaling([], surplus)
    leaving = sync.terminating if sync.job.replaces_only_failed else 0
    missing = min(wanted - leaving - active, BURST_REPLICAS)
    if missing <= 0:
        return Scaling([], [])
    if sync.job.backoff_limit_per_index is None and (wait := backoff.remaining(sync.now)):
        return Scaling([], [], wait)
    if not sync.job.is_indexed:
        return Scaling([_new_pod(sync.obj) for _ in range(missing)], [])
    return _indexed(sync, missing)


def _wanted(sync: JobSync) -> int:
    job = sync.job
    if job.is_suspended:
        return 0
    if job.completions is None:
        return len(sync.active) if sync.succeeded else job.parallelism
    return max(0, min(job.completions - sync.succeeded, job.parallelism))


def _surplus(sync: JobSync, at_least: int) -> list[JSON]:
    """Return the pods to delete: those without a valid index of their own, and of the others the least useful."""
    condemned: list[JSON] = []
    left = sync.active
    if sync.job.is_indexed:
        condemned, left = _doubles(sync)
    more = at_least - len(condemned)
    if more > 0:
        condemned += in_deletion_order(left, [])[:more]
    return condemned if sync.job.is_suspended else condemned[:BURST_REPLICAS]


def _doubles(sync: JobSync) -> tuple[list[JSON], list[JSON]]:
    """Return the pods without a valid index and those whose index another pod has too, and the others."""
    by_index: dict[int | None, list[JSON]] = {}
    for pod in sync.active:
        by_index.setdefault(valid_index(sync.job, pod), []).append(pod)
    condemned, left = by_index.pop(None, []), []
    for pods in by_index.values():
        *doubles, best = in_deletion_order(pods, [])
        condemned += doubles
        left.append(best)
    return condemned, left


def _indexed(sync: JobSync, missing: int) -> Scaling:
    """Return the pods of the first indexes that have none, but for those that have failed only just."""
    taken = sync.succeeded_indexes.merged(indexes_of(indexes_of_pods(sync.active)))
    if sync.job.replaces_only_failed:
        taken = taken.merged(indexes_of(indexes_of_pods(pod for pod in sync.pods if is_leaving(pod))))
    if sync.failed_indexes is not None:
        taken = taken.merged(sync.failed_indexes)
    pending = list(islice(taken.missing(sync.job.completions or 0), missing))
    waits = {index: index_backoff(sync.delayed.get(index)).remaining(sync.now) for index in pending}
    created = [_indexed_pod(sync, index) for index in pending if not waits[index]]
    return Scaling(created, [], min((each for each in waits.values() if each), default=0.0))


def _new_pod(job: JSON) -> JSON:
    pod = pod_from_template(job)
    finalizers = list_at(pod, "metadata", "finalizers")
    if TRACKING_FINALIZER not in finalizers:
        pod["metadata"]["finalizers"] = [*finalizers, TRACKING_FINALIZER]
    return pod


def _indexed_pod(sync: JobSync, index: int) -> JSON:
    """Return the pod of an index: its name, host name, label, annotation and variable have it."""
    pod, name = _new_pod(sync.obj), sync.obj["metadata"]["name"]
    metadata, spec, suffix = pod["metadata"], pod["spec"], f"-{index}-"
    metadata["generateName"] = name[: _LONGEST_NAME - len(suffix)] + suffix
    annotations = metadata.setdefault("annotations", {})
    annotations[COMPLETION_INDEX] = str(index)
    metadata.setdefault("labels", {})[COMPLETION_INDEX] = str(index)
    if sync.job.backoff_limit_per_index is not None:
        annotations |= next_failure_counts(sync.job, sync.delayed.get(index))
    spec["hostname"] = f"{name}-{index}"
    for container in (*list_at(spec, "initContainers"), *list_at(spec, "containers")):
        if all(each.get("name") != _INDEX_VARIABLE for each in list_at(container, "env")):
            reference = {"fieldRef": {"fieldPath": f"metadata.labels['{COMPLETION_INDEX}']"}}
            container["env"] = [*list_at(container, "env"), {"name": _INDEX_VARIABLE, "valueFrom": reference}]
    return pod
