"""A pod in one line, as ``kubectl get pods`` shows it.

Follows k8s.io/kubernetes ``pkg/printers/internalversion`` (printPod).
"""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.meta import JSON, is_terminating
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.objects.container import ContainerStatus, end_reason
from kubeapi.objects.parts import spec_of, status_of

FINISHED_PHASES = ("Succeeded", "Failed")
"""Phases of a pod that will never run again."""
_NODE_LOST = "NodeLost"


class PodSummary(NamedTuple):
    """The columns READY, STATUS and RESTARTS of `kubectl get pods`.

    ``total`` counts containers and sidecars, ``ready`` those of them that are; ``status`` is the most telling of phase,
    reasons and deletion (``Init:CrashLoopBackOff``); ``restarted_at`` is the time of the last restart, "" without one.
    """

    ready: int
    total: int
    status: str
    restarts: int
    restarted_at: str


def read_pod_summary(pod: JSON) -> PodSummary:
    """Return the summary of a Pod object."""
    summing = _Summing(pod)
    return PodSummary(summing.ready, summing.total, summing.reason, summing.restarts, summing.restarted_at)


class _Summing:
    """Reads the container statuses one after the other; the last reason found is the one that is shown."""

    def __init__(self, pod: JSON) -> None:
        self._pod, self._status = pod, status_of(pod)
        spec = spec_of(pod)
        inits = spec.get("initContainers") or ()
        self._init_statuses = self._statuses("initContainerStatuses")
        self._sidecars = {each.get("name") for each in inits if each.get("restartPolicy") == "Always"}
        self.total = len(spec.get("containers") or ()) + len(self._sidecars)
        self.ready = 0
        self.restarts = 0
        self.restarted_at = ""
        self.reason = self._first_reason()
        is_initializing = self._read_inits(len(inits))
        if not is_initializing or is_condition_true(pod, "Initialized"):
            self._read_containers()
        self._apply_deletion()

    def _first_reason(self) -> str:
        scheduled = find_condition(self._pod, "PodScheduled")
        if scheduled is not None and scheduled.get("reason") == "SchedulingGated":
            return "SchedulingGated"
        return str(self._status.get("reason") or self._status.get("phase") or "")

    def _statuses(self, name: str) -> list[ContainerStatus]:
        return [ContainerStatus(each) for each in self._status.get(name) or ()]

    def _read_inits(self, total: int) -> bool:
        """Count the init containers; tell whether one of them is not done."""
        for index, status in enumerate(self._init_statuses):
            self._count_restarts(status)
            if status.has_succeeded:
                continue
            if status.obj.get("name") in self._sidecars and status.is_started:
                self.ready += status.is_ready
                continue
            self.reason = f"Init:{_init_reason(status) or f'{index}/{total}'}"
            return True
        return False

    def _read_containers(self) -> None:
        """Count the containers; once they run, restarts of init containers count no more, but for sidecars'."""
        self.restarts, self.restarted_at = 0, ""
        for status in self._init_statuses:
            if status.obj.get("name") in self._sidecars:
                self._count_restarts(status)
        has_running = False
        for status in reversed(self._statuses("containerStatuses")):
            self._count_restarts(status)
            reason = status.reason
            if reason:
                self.reason = reason
            elif status.is_ready and status.running is not None:
                has_running = True
                self.ready += 1
        if self.reason == "Completed" and has_running:
            self.reason = "Running" if is_condition_true(self._pod, "Ready") else "NotReady"

    def _count_restarts(self, status: ContainerStatus) -> None:
        self.restarts += status.restart_count
        ended = status.last_terminated
        if ended is not None:
            self.restarted_at = max(self.restarted_at, ended.get("finishedAt") or "")

    def _apply_deletion(self) -> None:
        if not is_terminating(self._pod):
            return
        if self._status.get("reason") == _NODE_LOST:
            self.reason = "Unknown"
        elif self._status.get("phase") not in FINISHED_PHASES:
            self.reason = "Terminating"


def _init_reason(status: ContainerStatus) -> str:
    """Return why an init container holds up the pod, "" if it only has to run."""
    ended = status.terminated
    if ended is not None:
        return end_reason(ended)
    waiting = status.waiting
    reason = str(waiting.get("reason") or "") if waiting else ""
    return "" if reason == "PodInitializing" else reason
