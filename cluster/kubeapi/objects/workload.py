"""What a Deployment, ReplicaSet or ReplicationController says of itself: what it wants, and how far it has come."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import Reading, map_at, number_at, spec_of, status_of
from kubeapi.scheme import REPLICATIONCONTROLLERS

MAX_INT32 = 2**31 - 1
"""The progressDeadlineSeconds and the revisionHistoryLimit that stand for no limit."""


class Workload(Reading):
    """A workload, read when it is asked for. Fields that only a Deployment has are marked (D)."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.obj["metadata"]["name"])

    @property
    def replicas(self) -> int:
        """How many pods it wants."""
        return number_at(spec_of(self.obj), "replicas", 1)

    @property
    def selector(self) -> JSON:
        """Its LabelSelector; a ReplicationController has nothing but the labels of one."""
        selector = map_at(self.obj, "spec", "selector")
        return {"matchLabels": selector} if self.obj.get("kind") == REPLICATIONCONTROLLERS.kind else selector

    @property
    def match_labels(self) -> dict[str, str]:
        """The labels that its selector asks for by equality."""
        return map_at(self.selector, "matchLabels")

    @property
    def template(self) -> JSON:
        """The template of its pods: metadata and spec."""
        return map_at(self.obj, "spec", "template")

    @property
    def template_labels(self) -> dict[str, str]:
        """The labels of its template."""
        return map_at(self.obj, "spec", "template", "metadata", "labels")

    @property
    def min_ready_seconds(self) -> int:
        """How long a pod must be ready to be available."""
        return spec_of(self.obj).get("minReadySeconds") or 0

    @property
    def is_paused(self) -> bool:
        """(D) Whether its rollout is paused."""
        return bool(spec_of(self.obj).get("paused"))

    @property
    def is_rolling(self) -> bool:
        """(D) Whether its strategy is RollingUpdate, not Recreate."""
        return bool(map_at(self.obj, "spec", "strategy").get("type", "RollingUpdate") == "RollingUpdate")

    @property
    def revision_history_limit(self) -> int:
        """(D) How many old ReplicaSets it keeps."""
        return number_at(spec_of(self.obj), "revisionHistoryLimit", 10)

    @property
    def progress_deadline_seconds(self) -> int | None:
        """(D) How long its rollout may make no progress; None if it has no deadline."""
        seconds = number_at(spec_of(self.obj), "progressDeadlineSeconds", 600)
        return None if seconds == MAX_INT32 else seconds

    @property
    def generation(self) -> int:
        """How often what it wants has changed."""
        return self.obj["metadata"].get("generation") or 0

    @property
    def observed_generation(self) -> int:
        """The generation that its controller has seen last, 0 before."""
        return status_of(self.obj).get("observedGeneration") or 0

    @property
    def is_observed(self) -> bool:
        """Whether its controller has seen what it wants now."""
        return self.observed_generation >= self.generation

    @property
    def current_replicas(self) -> int:
        """How many pods it has."""
        return status_of(self.obj).get("replicas") or 0

    @property
    def updated_replicas(self) -> int:
        """(D) How many of its pods are of its present template."""
        return status_of(self.obj).get("updatedReplicas") or 0

    @property
    def ready_replicas(self) -> int:
        """How many of its pods are ready."""
        return status_of(self.obj).get("readyReplicas") or 0

    @property
    def available_replicas(self) -> int:
        """How many of its pods have been ready for minReadySeconds."""
        return status_of(self.obj).get("availableReplicas") or 0

    @property
    def terminating_replicas(self) -> int | None:
        """How many of its pods are being deleted; None if its status does not say."""
        count: int | None = status_of(self.obj).get("terminatingReplicas")
        return count

    @property
    def collision_count(self) -> int | None:
        """(D) How often the name of a new ReplicaSet was taken; None if it never was."""
        count: int | None = status_of(self.obj).get("collisionCount")
        return count


read_workload = Workload
"""Returns the reading of a Deployment or a ReplicaSet."""
