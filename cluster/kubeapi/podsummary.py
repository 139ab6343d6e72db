"""The one word for how a Pod is, how many of its containers are ready, and how often they began anew. Pure.

What `kubectl get pods` and `kubesvc status` say is read here, as k8s.io/kubernetes ``pkg/printers/internalversion``
does (printPod).
"""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.meta import JSON, is_terminating

_OVER = ("Succeeded", "Failed")
_NODE_LOST = "NodeLost"


class PodSummary(NamedTuple):
    """A pod in one line.

    ``total`` counts containers and sidecars, ``ready`` those of them that are; ``status`` is the most telling of phase,
    reasons and deletion (``Init:CrashLoopBackOff``); ``restarted_at`` is the time of the last restart, "" without one.
    """

    ready: int
    total: int
    status: str
    restarts: int
    restarted_at: str


def read_pod_summary(pod: JSON) -> PodSummary:
    """Read a Pod object."""
    state = _PodState(pod)
    return PodSummary(state.ready, state.total, state.reason, state.restarts, state.restarted_at)


def is_condition_true(pod: JSON, condition: str) -> bool:
    """Tell whether a condition of a pod is there and True."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == condition and each.get("status") == "True" for each in conditions)


class _PodState:
    """What the container statuses say together."""

    def __init__(self, pod: JSON) -> None:
        self._spec, self._status = pod.get("spec") or {}, pod.get("status") or {}
        self._conditions = {each.get("type"): each for each in self._status.get("conditions") or ()}
        inits = self._spec.get("initContainers") or ()
        self._sidecars = {each.get("name") for each in inits if each.get("restartPolicy") == "Always"}
        self.total = len(self._spec.get("containers") or ()) + len(self._sidecars)
        self.ready = 0
        self.restarts = 0
        self.restarted_at = ""
        self.reason = self._first_reason()
        is_initializing = self._read_inits(len(inits))
        if not is_initializing or self._is_true("Initialized"):
            self._read_containers()
        self._judge_deletion(pod)

    def _first_reason(self) -> str:
        scheduled = self._conditions.get("PodScheduled") or {}
        if scheduled.get("reason") == "SchedulingGated":
            return "SchedulingGated"
        return str(self._status.get("reason") or self._status.get("phase") or "")

    def _is_true(self, condition: str) -> bool:
        return (self._conditions.get(condition) or {}).get("status") == "True"

    def _read_inits(self, total: int) -> bool:
        """Count the init containers; tell whether one of them is not done."""
        for index, status in enumerate(self._status.get("initContainerStatuses") or ()):
            self._count_restarts(status)
            terminated = _state(status, "terminated")
            if terminated is not None and not terminated.get("exitCode"):
                continue
            if status.get("name") in self._sidecars and status.get("started"):
                self.ready += bool(status.get("ready"))
                continue
            self.reason = f"Init:{_init_reason(status) or f'{index}/{total}'}"
            return True
        return False

    def _read_containers(self) -> None:
        """Count the containers; once they run, restarts of init containers count no more, but for sidecars'."""
        self.restarts, self.restarted_at = 0, ""
        for status in self._status.get("initContainerStatuses") or ():
            if status.get("name") in self._sidecars:
                self._count_restarts(status)
        has_running = False
        for status in reversed(self._status.get("containerStatuses") or ()):
            self._count_restarts(status)
            reason = _reason(status)
            if reason:
                self.reason = reason
            elif status.get("ready") and _state(status, "running") is not None:
                has_running = True
                self.ready += 1
        if self.reason == "Completed" and has_running:
            self.reason = "Running" if self._is_true("Ready") else "NotReady"

    def _count_restarts(self, status: JSON) -> None:
        self.restarts += status.get("restartCount") or 0
        ended = (status.get("lastState") or {}).get("terminated") or {}
        self.restarted_at = max(self.restarted_at, ended.get("finishedAt") or "")

    def _judge_deletion(self, pod: JSON) -> None:
        if not is_terminating(pod):
            return
        if self._status.get("reason") == _NODE_LOST:
            self.reason = "Unknown"
        elif self._status.get("phase") not in _OVER:
            self.reason = "Terminating"


def _state(status: JSON, name: str) -> JSON | None:
    found: JSON | None = (status.get("state") or {}).get(name)
    return found


def _reason(status: JSON) -> str:
    """Return why a container does not run, "" if it does."""
    waiting, terminated = _state(status, "waiting") or {}, _state(status, "terminated")
    if waiting.get("reason"):
        return str(waiting["reason"])
    return _end_reason(terminated) if terminated is not None else ""


def _end_reason(terminated: JSON) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    signal = terminated.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{terminated.get('exitCode', 0)}"


def _init_reason(status: JSON) -> str:
    """Return why an init container holds up the pod, "" if it only has to run."""
    terminated, waiting = _state(status, "terminated"), _state(status, "waiting") or {}
    if terminated is not None:
        return _end_reason(terminated)
    reason = str(waiting.get("reason") or "")
    return "" if reason == "PodInitializing" else reason
