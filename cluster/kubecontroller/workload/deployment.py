"""Deployments: one ReplicaSet for each version of the pod template, and a safe way from one to the next.

Pure: decides which ReplicaSets to create, resize and forget; ``rollout`` does the arithmetic, ``revision`` tells the
versions apart, ``deploymentstatus`` says how it goes. Follows k8s.io/kubernetes ``pkg/controller/deployment``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeapi.informer import Delta
from kubeapi.meta import JSON, ObjectKey, annotations_of, controller_of, is_terminating, labels_of
from kubeapi.scheme import DEPLOYMENTS, PODS, REPLICASETS, Resource
from kubecontroller.change import NORMAL, Change, Create, RecordEvent, Requeue, Update, UpdateStatus, delete
from kubecontroller.listers import Listers
from kubecontroller.podstate import is_finished
from kubecontroller.workload.deploymentstatus import (
    condition,
    counted,
    has_progress_deadline,
    is_complete,
    progressed,
    seconds_to_deadline,
    with_condition,
    with_pause_noted,
)
from kubecontroller.workload.ownership import claim
from kubecontroller.workload.revision import (
    DESIRED_REPLICAS_ANNOTATION,
    REVISION_ANNOTATION,
    find_new,
    is_observed,
    new_replica_set,
    next_revision,
    past_history,
    resized,
    revision_of,
    sized,
    with_annotations,
    with_revision,
)
from kubecontroller.workload.rollout import Sizes, limits_of, scale, shrink_old, size_of_new


def reconcile(
    deployment: JSON,
    candidates: Iterable[JSON],
    is_taken: Callable[[str], bool],
    is_running: Callable[[JSON], bool],
    now: float,
) -> list[Change]:
    """Return the next step of a Deployment towards its template and size.

    ``candidates`` are its ReplicaSets and the orphans that it selects; ``is_taken`` tells whether another ReplicaSet
    has a name; ``is_running`` whether a ReplicaSet still has pods that have not ended.
    """
    claimed, changes = claim(deployment, REPLICASETS, candidates)
    step = _Step(deployment, claimed, now)
    if is_terminating(deployment):
        return [*changes, *step.finish(is_rolling_out=False)]
    step.note_pause()
    is_paused = bool(deployment["spec"].get("paused"))
    if is_paused or step.is_scaling():
        step.find_new()
        step.scale()
    elif step.is_rolling:
        if not (step.find_new() or step.create_new(is_taken)):
            return [*changes, *step.changes]
        step.roll()
    elif not step.recreate(is_taken, is_running):
        return [*changes, *step.changes]
    return [*changes, *step.finish(is_rolling_out=not is_paused)]


class _Step:
    """One reconcile of one Deployment: its ReplicaSets as they are to be, and the changes that make them so."""

    def __init__(self, deployment: JSON, replica_sets: list[JSON], now: float) -> None:
        self.deployment = deployment
        self.limits = limits_of(deployment)
        self.is_rolling = (deployment["spec"].get("strategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
        self.changes: list[Change] = []
        self._sets = {each["metadata"]["name"]: each for each in replica_sets}
        self._new_name = ""
        self._status: JSON = deployment.get("status") or {}
        self._now = now

    @property
    def new(self) -> JSON | None:
        return self._sets.get(self._new_name)

    @property
    def old(self) -> list[JSON]:
        return [each for name, each in self._sets.items() if name != self._new_name]

    def note_pause(self) -> None:
        self._status = with_pause_noted(self.deployment, self._status, self._now)

    def is_scaling(self) -> bool:
        """Tell whether an active ReplicaSet was sized for another spec.replicas than there is now."""
        wanted = {None, str(self.limits.replicas)}
        active = (each for each in self._sets.values() if each["spec"].get("replicas", 1) > 0)
        return any(annotations_of(each).get(DESIRED_REPLICAS_ANNOTATION) not in wanted for each in active)

    def find_new(self) -> bool:
        """Find the ReplicaSet of the present template and mark it as the latest revision."""
        found = find_new(self.deployment, self._sets.values())
        if found is None:
            return False
        self._new_name = found["metadata"]["name"]
        marked = with_revision(found, self.deployment, next_revision(self.old))
        seconds = self.deployment["spec"].get("minReadySeconds", 0)
        if marked["spec"].get("minReadySeconds", 0) != seconds:
            marked = {**marked, "spec": {**marked["spec"], "minReadySeconds": seconds}}
        if marked is not found:
            self._replace(marked)
        self._take_revision(revision_of(marked))
        if condition(self._status, "Progressing") is None:
            self._progressing("FoundNewReplicaSet", f'Found new replica set "{self._new_name}"')
        return True

    def create_new(self, is_taken: Callable[[str], bool]) -> bool:
        """Create the ReplicaSet of the present template; on a collision of hashes, count it and give up for now."""
        fresh = new_replica_set(self.deployment)
        name = fresh["metadata"]["name"]
        if is_taken(name):
            status = {**self._status, "collisionCount": self._status.get("collisionCount", 0) + 1}
            self.changes.append(UpdateStatus(DEPLOYMENTS, {**self.deployment, "status": status}))
            return False
        revision = next_revision(self._sets.values())
        size = self._size_of_new(0)
        fresh = resized(with_revision(fresh, self.deployment, revision), size, self.limits)
        self.changes.append(Create(REPLICASETS, fresh))
        if size:
            self._tell_scaled(name, 0, size)
        self._sets[name] = fresh
        self._new_name = name
        self._take_revision(revision)
        self._progressing("NewReplicaSetCreated", f'Created new replica set "{name}"')
        return True

    def roll(self) -> None:
        """Let the new ReplicaSet grow; if it cannot, let the old ones shrink."""
        new = self.new
        assert new is not None, "a rollout starts from its new ReplicaSet"
        replicas = new["spec"].get("replicas", 1)
        size = self._size_of_new(replicas)
        if size != replicas:
            self._resize({self._new_name: size})
        else:
            self._resize(shrink_old(self.limits, sized(new), [sized(each) for each in self.old]))

    def recreate(self, is_taken: Callable[[str], bool], is_running: Callable[[JSON], bool]) -> bool:
        """End all old pods; only when the last has ended, start the new ones."""
        self.find_new()
        active = [each for each in self.old if each["spec"].get("replicas", 1) > 0]
        if active:
            self._resize({each["metadata"]["name"]: 0 for each in active})
            return True
        if any(is_running(each) for each in self.old):
            return True
        if self.new is None and not self.create_new(is_taken):
            return False
        self._resize({self._new_name: self.limits.replicas})
        return True

    def scale(self) -> None:
        """Follow a changed spec.replicas."""
        new = self.new
        self._resize(
            scale(
                self.limits,
                is_rolling=self.is_rolling,
                new=sized(new) if new else None,
                old=[sized(each) for each in self.old],
                current=self._status.get("replicas", 0),
            ),
            is_annotating=True,
        )

    def finish(self, *, is_rolling_out: bool) -> list[Change]:
        """Forget old revisions, write the status, and say when to look again."""
        status = counted(self.deployment, self._status, self.new, list(self._sets.values()), self._now)
        if is_rolling_out:
            status = progressed(self.deployment, status, self.new, self._now)
        is_paused = bool(self.deployment["spec"].get("paused"))
        if is_paused or (is_rolling_out and is_complete(self.deployment, status)):
            self.changes += [delete(REPLICASETS, each) for each in past_history(self.deployment, self.old)]
        if status != self.deployment.get("status"):
            self.changes.append(UpdateStatus(DEPLOYMENTS, {**self.deployment, "status": status}))
        wait = seconds_to_deadline(self.deployment, status, self._now) if is_rolling_out else None
        if wait is not None:
            self.changes.append(Requeue(wait))
        return self.changes

    def _size_of_new(self, replicas: int) -> int:
        """Return how large the new ReplicaSet may be; it does not grow while others have yet to obey and shrink.

        Upstream counts what is asked for, so that for a moment there can be more pods than maxSurge allows.
        """
        if self.is_rolling and replicas <= self.limits.replicas and not all(map(is_observed, self.old)):
            return replicas
        asked = sum(each["spec"].get("replicas", 1) for each in self._sets.values())
        return size_of_new(self.limits, is_rolling=self.is_rolling, new_replicas=replicas, all_replicas=asked)

    def _resize(self, sizes: Sizes, *, is_annotating: bool = False) -> None:
        for name, size in sizes.items():
            before = self._sets[name]
            replicas = before["spec"].get("replicas", 1)
            after = resized(before, size, self.limits)
            if after is before or (size == replicas and not is_annotating):
                continue
            self._replace(after)
            if size != replicas:
                self._tell_scaled(name, replicas, size)

    def _replace(self, replica_set: JSON) -> None:
        self._sets[replica_set["metadata"]["name"]] = replica_set
        self.changes.append(Update(REPLICASETS, replica_set))

    def _tell_scaled(self, name: str, before: int, after: int) -> None:
        direction = "up" if after > before else "down"
        text = f"Scaled {direction} replica set {name} from {before} to {after}"
        self.changes.append(RecordEvent(self.deployment, NORMAL, "ScalingReplicaSet", text))

    def _take_revision(self, revision: int) -> None:
        if annotations_of(self.deployment).get(REVISION_ANNOTATION) == str(revision):
            return
        annotations = {**annotations_of(self.deployment), REVISION_ANNOTATION: str(revision)}
        self.deployment = with_annotations(self.deployment, annotations)
        # As a status: a write of the annotation as such would be another generation (deploymentutil sync.go).
        self.changes.append(UpdateStatus(DEPLOYMENTS, self.deployment, has_metadata=True))

    def _progressing(self, reason: str, message: str) -> None:
        if has_progress_deadline(self.deployment):
            self._status = with_condition(self._status, "Progressing", "True", reason, message, self._now)


class DeploymentController:
    """Runs ``reconcile`` for the Deployments that a change concerns."""

    name = "deployment-controller"
    resource = DEPLOYMENTS
    watches = (DEPLOYMENTS, REPLICASETS, PODS)

    def __init__(self, listers: Listers) -> None:
        self._listers = listers

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[ObjectKey]:
        """Return the Deployments to reconcile after a change; of pods, only their end counts (Recreate waits)."""
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
        has_ended = delta.new is None or (is_finished(delta.new) and delta.old and not is_finished(delta.old))
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
        return any(not is_finished(pod) for pod in self._listers.controlled_by(PODS, replica_set))
