"""What a DaemonSet says of itself: how its pods are replaced, and on how many nodes they are."""

from __future__ import annotations

from kubeapi.objects.parts import map_at, status_of
from kubeapi.objects.workload import Workload


class DaemonSet(Workload):
    """A DaemonSet, read when it is asked for."""

    __slots__ = ()

    @property
    def replaces_pods(self) -> bool:
        """Whether its controller replaces pods of an old revision; else it waits until somebody deletes them."""
        return bool(map_at(self.obj, "spec", "updateStrategy").get("type", "RollingUpdate") == "RollingUpdate")

    @property
    def max_unavailable(self) -> int | str:
        """On how many nodes an update may take the pod away at once, as a number or a percentage."""
        return self._limit("maxUnavailable", 1)

    @property
    def max_surge(self) -> int | str:
        """On how many nodes there may be an old and a new pod, as a number or a percentage."""
        return self._limit("maxSurge", 0)

    def _limit(self, field: str, default: int) -> int | str:
        if not self.replaces_pods:
            return 0
        limit: int | str | None = map_at(self.obj, "spec", "updateStrategy", "rollingUpdate").get(field)
        return default if limit is None else limit

    @property
    def replicas(self) -> int:
        """On how many nodes its pod should be."""
        return status_of(self.obj).get("desiredNumberScheduled") or 0

    @property
    def current_replicas(self) -> int:
        """On how many of these nodes there is one."""
        return status_of(self.obj).get("currentNumberScheduled") or 0

    @property
    def ready_replicas(self) -> int:
        """On how many of these nodes it is ready."""
        return status_of(self.obj).get("numberReady") or 0

    @property
    def updated_replicas(self) -> int:
        """On how many of these nodes it is of the present template."""
        return status_of(self.obj).get("updatedNumberScheduled") or 0

    @property
    def available_replicas(self) -> int:
        """On how many of these nodes it has been ready for minReadySeconds."""
        return status_of(self.obj).get("numberAvailable") or 0


read_daemon_set = DaemonSet
"""Returns the reading of a DaemonSet."""
