"""ReplicaSets and ReplicationControllers: as many pods as they ask for, and a status that says how many there are.

Pure: decides which pods to create, adopt, release and delete. Finished pods do not count and are replaced.
Follows k8s.io/kubernetes ``pkg/controller/replicaset/replica_set.go``, which has the rules of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from kubeapi.meta import (
    JSON,
    ObjectKey,
    annotations_of,
    controller_of,
    format_time,
    is_terminating,
    labels_of,
    matches_labels,
    parse_time,
)
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import PODS, REPLICASETS, REPLICATIONCONTROLLERS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change, Create, Requeue, UpdateStatus, delete
from kubecontroller.listers import Listers
from kubecontroller.workload.ownership import claim
from kubecontroller.workload.podcontrol import BURST_REPLICAS, creation, deletion, pod_from_template

DELETION_COST_ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
_FAILURE = "ReplicaFailure"
_PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}


def reconcile(replica_set: JSON, candidates: Iterable[JSON], related: Iterable[JSON], now: float) -> list[Change]:
    """Return what brings the pods of ``replica_set`` to ``spec.replicas``.

    ``candidates`` are its pods and the orphans that it selects; ``related`` those of its Deployment's ReplicaSets.
    """
    claimed, changes = claim(replica_set, PODS, candidates)
    pods = [pod for pod in claimed if read_pod(pod).is_active]
    if not is_terminating(replica_set):
        changes += _scale(replica_set, pods, related)
    terminating = sum(read_pod(pod).is_terminating and not read_pod(pod).is_finished for pod in claimed)
    changes += _status(replica_set, pods, terminating, now)
    return changes


def _resource(replica_set: JSON) -> Resource:
    is_older = replica_set["kind"] == REPLICATIONCONTROLLERS.kind
    return REPLICATIONCONTROLLERS if is_older else REPLICASETS


def _scale(replica_set: JSON, pods: list[JSON], related: Iterable[JSON]) -> list[Change]:
    surplus = len(pods) - read_workload(replica_set).replicas
    if surplus < 0:
        return [
            Create(PODS, pod_from_template(replica_set), creation(replica_set))
            for _ in range(min(-surplus, BURST_REPLICAS))
        ]
    condemned = in_deletion_order(pods, related)[: min(surplus, BURST_REPLICAS)] if surplus else []
    return [delete(PODS, pod, deletion(replica_set)) for pod in condemned]


def in_deletion_order(pods: list[JSON], related: Iterable[JSON]) -> list[JSON]:
    """Return ``pods`` so that those to delete first come first; ``related`` are the active pods of their Deployment.

    Unassigned before assigned, pending before running, not ready before ready, cheaper before dearer, on fuller nodes
    first, ready for a shorter time, restarted more often, younger (ActivePodsWithRanks).
    """
    per_node = Counter(read_pod(each).node_name for each in related)

    def rank(obj: JSON) -> tuple[object, ...]:
        pod = read_pod(obj)
        since, node = pod.ready_since, pod.node_name
        return (
            bool(node),
            _PHASE_RANK.get(pod.phase, 1),
            since is not None,
            _deletion_cost(obj),
            -per_node[node],
            -(since or 0.0),
            -pod.most_restarts,
            -parse_time(obj["metadata"]["creationTimestamp"]),
            obj["metadata"]["uid"],
        )

    return sorted(pods, key=rank)


def _deletion_cost(pod: JSON) -> int:
    try:
        return int(annotations_of(pod).get(DELETION_COST_ANNOTATION, "0"))
    except ValueError:
        return 0


def _status(replica_set: JSON, pods: list[JSON], terminating: int, now: float) -> list[Change]:
    workload, before = read_workload(replica_set), status_of(replica_set)
    waits = [read_pod(pod).seconds_until_available(workload.min_ready_seconds, now) for pod in pods]
    labels = workload.template_labels
    counts = {
        "fullyLabeledReplicas": sum(matches_labels(labels, labels_of(pod)) for pod in pods),
        "readyReplicas": sum(read_pod(pod).is_ready for pod in pods),
        "availableReplicas": sum(wait == 0 for wait in waits),
    }
    status = {
        **_conditions([each for each in before.get("conditions") or () if each.get("type") != _FAILURE]),
        "replicas": len(pods),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": terminating,
        "observedGeneration": workload.generation,
    }
    changes: list[Change] = []
    if status != before or len(pods) != workload.replicas:
        changed = {**replica_set, "status": status}
        changes.append(UpdateStatus(_resource(replica_set), changed, refused=_refused(changed, before, now)))
    remaining = [wait for wait in waits if wait]
    if remaining:
        changes.append(Requeue(min(remaining)))
    return changes


def _conditions(conditions: list[JSON]) -> JSON:
    return {"conditions": conditions} if conditions else {}


def _refused(replica_set: JSON, before: JSON, now: float) -> Callable[[str], JSON]:
    """Return what gives the object to write once a pod could not be created or deleted: with a condition that says so.

    The first such condition stays until there are as many pods as wanted.
    """
    status = replica_set["status"]
    failures = [each for each in before.get("conditions") or () if each.get("type") == _FAILURE]
    reason = "FailedCreate" if status["replicas"] < read_workload(replica_set).replicas else "FailedDelete"

    def refused(message: str) -> JSON:
        failure = {"type": _FAILURE, "status": "True", "reason": reason, "message": message}
        found = failures or [{**failure, "lastTransitionTime": format_time(now)}]
        return {**replica_set, "status": {**status, **_conditions([*status.get("conditions", ()), *found])}}

    return refused


class ReplicaSetController:
    """Runs ``reconcile`` for the ReplicaSets, or with ``resource`` the ReplicationControllers, of a change."""

    def __init__(self, listers: Listers, resource: Resource = REPLICASETS, name: str = "replicaset-controller") -> None:
        self.name = name
        self.resource = resource
        self.watches = (resource, PODS)
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the objects to reconcile after a change."""
        return [delta.key] if resource is self.resource else self._listers.owners_of(self.resource, delta)

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        replica_set = self._listers.store.find(self.resource, key)
        if replica_set is None:
            return []
        own = self._listers.controlled_by(PODS, replica_set)
        orphans = self._listers.orphans(PODS, key.namespace, read_workload(replica_set).selector)
        return reconcile(replica_set, [*own, *orphans], self._related(replica_set, own), now)

    def _related(self, replica_set: JSON, own: list[JSON]) -> list[JSON]:
        """Return the active pods of all ReplicaSets of the same Deployment."""
        controller = controller_of(replica_set)
        if controller is None:
            return [pod for pod in own if read_pod(pod).is_active]
        siblings = self._listers.controlled_by(REPLICASETS, {"metadata": {"uid": controller["uid"]}})
        pods = [pod for each in siblings for pod in self._listers.controlled_by(PODS, each)]
        return [pod for pod in pods if read_pod(pod).is_active]
