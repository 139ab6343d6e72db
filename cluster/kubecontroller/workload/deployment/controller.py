"""Deployments: one ReplicaSet for each version of the pod template, and a safe way from one to the next.

Pure: ``deploymentstep`` decides which ReplicaSets to create, resize and delete; ``rollout`` does the arithmetic,
``revision`` tells the versions apart, ``deploymentstatus`` reports. Follows k8s.io/kubernetes
``pkg/controller/deployment``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeapi.meta import JSON, ObjectKey, controller_of, is_terminating, labels_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import DEPLOYMENTS, PODS, REPLICASETS, Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change
from kubecontroller.listers import Listers
from kubecontroller.workload.deployment.step import DeploymentStep
from kubecontroller.workload.ownership import claim


def reconcile(
    deployment: JSON,
    candidates: Iterable[JSON],
    is_taken: Callable[[str], bool],
    is_running: Callable[[JSON], bool],
    now: float,
) -> list[Change]:
    """Return the next step of a Deployment towards its template and size.

    ``candidates`` are its ReplicaSets and the orphans that it selects; ``is_taken`` tells whether a ReplicaSet has a
    name; ``is_running`` whether a ReplicaSet still has pods that have not ended.
    """
    claimed, changes = claim(deployment, REPLICASETS, candidates)
    step = DeploymentStep(deployment, claimed, now)
    is_rolling_out = False
    if not is_terminating(deployment):
        step.record_pause()
        is_rolling_out = not read_workload(deployment).is_paused
        if not _advance(step, is_taken, is_running, is_rolling_out=is_rolling_out):
            return [*changes, *step.changes]
    return [*changes, *step.finish(is_rolling_out=is_rolling_out)]


def _advance(
    step: DeploymentStep, is_taken: Callable[[str], bool], is_running: Callable[[JSON], bool], *, is_rolling_out: bool
) -> bool:
    """Take the next step; False if the name of the new ReplicaSet is taken, so that all waits for another hash."""
    if not is_rolling_out or step.is_scaling():
        step.find_new()
        step.scale()
        return True
    if not step.is_rolling:
        return step.recreate(is_taken, is_running)
    if not (step.find_new() or step.create_new(is_taken)):
        return False
    step.roll()
    return True


class DeploymentController:
    """Reconciles the Deployments that a change concerns."""

    name = "deployment-controller"
    resource = DEPLOYMENTS
    watches = (DEPLOYMENTS, REPLICASETS, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Deployments to reconcile after a change; of a pod only its end counts (Recreate waits for it)."""
        if resource is DEPLOYMENTS:
            return [delta.key]
        if resource is PODS:
            return self._owner_of_ended(delta)
        keys: list[ObjectKey] = []
        for replica_set in (delta.old, delta.new):
            if replica_set is not None:
                keys += self._owners(replica_set)
        return keys

    def _owners(self, replica_set: JSON) -> list[ObjectKey]:
        namespace = replica_set["metadata"]["namespace"]
        controller = controller_of(replica_set)
        if controller is None:
            return self._listers.selecting(DEPLOYMENTS, namespace, labels_of(replica_set))
        return [ObjectKey(namespace, controller["name"])] if controller["kind"] == DEPLOYMENTS.kind else []

    def _owner_of_ended(self, delta: Delta) -> list[ObjectKey]:
        is_finished = delta.new is not None and read_pod(delta.new).is_finished
        has_ended = delta.new is None or (is_finished and delta.old and not read_pod(delta.old).is_finished)
        controller = controller_of(delta.old) if has_ended and delta.old else None
        if controller is None or controller["kind"] != REPLICASETS.kind:
            return []
        replica_set = self._listers.store.find(REPLICASETS, ObjectKey(delta.key.namespace, controller["name"]))
        return self._owners(replica_set) if replica_set else []

    def reconcile(self, key: ObjectKey, now: float) -> list[Change]:
        """Return the changes that ``key`` needs."""
        deployment = self._listers.store.find(DEPLOYMENTS, key)
        if deployment is None:
            return []
        own = self._listers.controlled_by(REPLICASETS, deployment)
        orphans = self._listers.orphans(REPLICASETS, key.namespace, deployment["spec"]["selector"])

        def is_taken(name: str) -> bool:
            return self._listers.store.find(REPLICASETS, ObjectKey(key.namespace, name)) is not None

        return reconcile(deployment, [*own, *orphans], is_taken, self._is_running, now)

    def _is_running(self, replica_set: JSON) -> bool:
        return any(not read_pod(pod).is_finished for pod in self._listers.controlled_by(PODS, replica_set))
