"""One reconcile of one Deployment: its ReplicaSets as they are to be, and the changes that make them so. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.parts import status_of
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import DEPLOYMENTS, REPLICASETS
from kubecontroller.change import NORMAL, Change, Create, RecordEvent, Requeue, Update, UpdateStatus, delete
from kubecontroller.workload.deployment.revision import (
    DESIRED_REPLICAS_ANNOTATION,
    REVISION_ANNOTATION,
    find_new,
    new_replica_set,
    next_revision,
    past_history,
    resized,
    revision_of,
    sized,
    with_annotations,
    with_revision,
)
from kubecontroller.workload.deployment.rollout import Sizes, limits_of, scale, shrink_old, size_of_new
from kubecontroller.workload.deployment.status import (
    condition_of,
    counted,
    has_progress_deadline,
    is_complete,
    progressed,
    progressing,
    seconds_to_deadline,
    with_changed,
    with_pause,
    with_replica_failure,
)


class DeploymentStep:
    """Collects the ``changes`` of one reconcile."""

    def __init__(self, deployment: JSON, replica_sets: list[JSON], now: float) -> None:
        self.deployment = deployment
        self.limits = limits_of(deployment)
        self.is_rolling = read_workload(deployment).is_rolling
        self.changes: list[Change] = []
        self._sets = {each["metadata"]["name"]: each for each in replica_sets}
        self._new_name = ""
        self._status: JSON = status_of(deployment)
        self._now = now

    @property
    def new(self) -> JSON | None:
        """The ReplicaSet of the present template, once it has been found or created."""
        return self._sets.get(self._new_name)

    @property
    def old(self) -> list[JSON]:
        """All other ReplicaSets."""
        return [each for name, each in self._sets.items() if name != self._new_name]

    def record_pause(self) -> None:
        """Record in the status that the rollout was paused or resumed."""
        self._status = with_pause(self.deployment, self._status, self._now)

    def is_scaling(self) -> bool:
        """Tell whether an active ReplicaSet was sized for another spec.replicas than there is now."""
        wanted = {None, str(self.limits.replicas)}
        active = (each for each in self._sets.values() if read_workload(each).replicas > 0)
        return any(annotations_of(each).get(DESIRED_REPLICAS_ANNOTATION) not in wanted for each in active)

    def find_new(self) -> bool:
        """Find the ReplicaSet of the present template and mark it as the latest revision."""
        found = find_new(self.deployment, self._sets.values())
        if found is None:
            return False
        self._new_name = found["metadata"]["name"]
        marked = with_revision(found, self.deployment, next_revision(self.old))
        seconds = read_workload(self.deployment).min_ready_seconds
        if read_workload(marked).min_ready_seconds != seconds:
            marked = {**marked, "spec": {**marked["spec"], "minReadySeconds": seconds}}
        if marked is not found:
            self._replace(marked)
        self._take_revision(revision_of(marked))
        if condition_of(self._status, "Progressing") is None:
            self._record_progress("FoundNewReplicaSet", f'Found new replica set "{self._new_name}"')
        return True

    def create_new(self, is_taken: Callable[[str], bool]) -> bool:
        """Create the ReplicaSet of the present template; False if its name is taken.

        A taken name is a collision of hashes: it is counted in the status, which makes another hash next time.
        """
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
            self._record_scaling(name, 0, size)
        self._sets[name] = fresh
        self._new_name = name
        self._take_revision(revision)
        self._record_progress("NewReplicaSetCreated", f'Created new replica set "{name}"')
        return True

    def roll(self) -> None:
        """Let the new ReplicaSet grow; if it cannot, let the old ones shrink."""
        new = self.new
        assert new is not None, "a rollout starts from its new ReplicaSet"
        replicas = read_workload(new).replicas
        size = self._size_of_new(replicas)
        if size != replicas:
            self._resize({self._new_name: size})
        else:
            self._resize(shrink_old(self.limits, sized(new), [sized(each) for each in self.old]))

    def recreate(self, is_taken: Callable[[str], bool], is_running: Callable[[JSON], bool]) -> bool:
        """End all old pods, and start the new ones when the last old one has ended; False as ``create_new``."""
        self.find_new()
        active = [each for each in self.old if read_workload(each).replicas > 0]
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
                current=read_workload(self.deployment).current_replicas,
            ),
            is_annotating=True,
        )

    def finish(self, *, is_rolling_out: bool) -> list[Change]:
        """Delete old revisions, write the status, and requeue for the progress deadline; return all changes."""
        status = counted(self.deployment, self._status, self.new, list(self._sets.values()), self._now)
        if is_rolling_out:
            status = progressed(self.deployment, status, self.new, self._now)
            status = with_replica_failure(status, [*([self.new] if self.new else ()), *self._sets.values()])
        is_paused = read_workload(self.deployment).is_paused
        if is_paused or (is_rolling_out and is_complete(self.deployment, status)):
            self.changes += [delete(REPLICASETS, each) for each in past_history(self.deployment, self.old)]
        if status != self.deployment.get("status"):
            self.changes.append(UpdateStatus(DEPLOYMENTS, {**self.deployment, "status": status}))
        wait = seconds_to_deadline(self.deployment, status, self._now) if is_rolling_out else None
        if wait is not None:
            self.changes.append(Requeue(wait))
        return self.changes

    def _size_of_new(self, replicas: int) -> int:
        """Return how large the new ReplicaSet may be.

        It does not grow before all old ones have obeyed their last size. Upstream counts the sizes that were asked
        for, so that for a moment there can be more pods than maxSurge allows.
        """
        are_observed = all(read_workload(each).is_observed for each in self.old)
        if self.is_rolling and replicas <= self.limits.replicas and not are_observed:
            return replicas
        asked = sum(read_workload(each).replicas for each in self._sets.values())
        return size_of_new(self.limits, is_rolling=self.is_rolling, new_replicas=replicas, all_replicas=asked)

    def _resize(self, sizes: Sizes, *, is_annotating: bool = False) -> None:
        for name, size in sizes.items():
            before = self._sets[name]
            replicas = read_workload(before).replicas
            after = resized(before, size, self.limits)
            # Where only the annotations differ, they are written when spec.replicas has changed, not in a rollout.
            if after is before or (size == replicas and not is_annotating):
                continue
            self._replace(after)
            if size != replicas:
                self._record_scaling(name, replicas, size)

    def _replace(self, replica_set: JSON) -> None:
        self._sets[replica_set["metadata"]["name"]] = replica_set
        self.changes.append(Update(REPLICASETS, replica_set))

    def _record_scaling(self, name: str, before: int, after: int) -> None:
        direction = "up" if after > before else "down"
        text = f"Scaled {direction} replica set {name} from {before} to {after}"
        self.changes.append(RecordEvent(self.deployment, NORMAL, "ScalingReplicaSet", text))

    def _take_revision(self, revision: int) -> None:
        if annotations_of(self.deployment).get(REVISION_ANNOTATION) == str(revision):
            return
        annotations = {**annotations_of(self.deployment), REVISION_ANNOTATION: str(revision)}
        self.deployment = with_annotations(self.deployment, annotations)
        # As a write of the status: as an update, the annotation would make another generation (sync.go).
        self.changes.append(UpdateStatus(DEPLOYMENTS, self.deployment, has_metadata=True))

    def _record_progress(self, reason: str, message: str) -> None:
        if has_progress_deadline(self.deployment):
            self._status = with_changed(self._status, progressing("True", reason, message), self._now)
