"""What becomes of a pod whose node was down: its processes are gone, the pod is not. Pure.

Follows what a kubelet does after its machine has booted again: same pod, containers started anew and counted.
"""

from __future__ import annotations

from typing import Any

from kubeapi.meta import JSON, format_time, parse_time
from kubelet.pod.state import EarlierRuns, Termination

UNKNOWN_EXIT = 255
"""The exit code of a container that ended while nobody looked (containerd's)."""
_LISTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_OVER = ("Succeeded", "Failed")


def after_reboot(pod: JSON, now: float) -> JSON:
    """Return the pod as nobody runs it: not ready and without address, unless it was over.

    One that is never restarted has failed. What ran has ended ``now``, in seconds since the epoch: nobody knows when it
    did, and containerd takes the moment at which it finds out (loadContainer in its CRI server's restart.go).
    """
    status: JSON = pod.get("status") or {}
    if status.get("phase") in _OVER or not pod["spec"].get("nodeName"):
        return pod
    lists = {name: [_ended(each, now) for each in status[name]] for name in _LISTS if name in status}
    has_run = any(_has_run(each) for name in _LISTS for each in status.get(name, ()))
    is_lost = has_run and pod["spec"].get("restartPolicy") == "Never"
    kept = {name: value for name, value in status.items() if name in ("qosClass", "startTime", "hostIP", "hostIPs")}
    conditions = [_condition(each) for each in status.get("conditions") or ()]
    return {**pod, "status": {**kept, "phase": "Failed" if is_lost else "Pending", "conditions": conditions, **lists}}


def earlier_runs(status: JSON) -> dict[str, EarlierRuns]:
    """Return what a status tells of each container, by name; empty for a pod that has never run."""
    runs: dict[str, EarlierRuns] = {}
    for each in (each for name in _LISTS for each in status.get(name) or ()):
        ended = (each.get("lastState") or {}).get("terminated") or (each.get("state") or {}).get("terminated")
        if ended is not None:
            runs[each["name"]] = EarlierRuns(each.get("restartCount", 0), _termination(ended))
    return runs


def _has_run(container: JSON) -> bool:
    return "running" in (container.get("state") or {})


def _ended(container: JSON, now: float) -> JSON:
    """Return the status of a container whose process is gone; its next start counts as a restart."""
    state: JSON = container.get("state") or {}
    ended = {**container, "ready": False, "started": False}
    if "running" in state:
        terminated: dict[str, Any] = {
            "exitCode": UNKNOWN_EXIT,
            "reason": "Unknown",
            "startedAt": state["running"]["startedAt"],
            "finishedAt": format_time(now),
        }
        if "containerID" in container:
            terminated["containerID"] = container["containerID"]
        ended["state"] = {"terminated": terminated}
    return ended


def _condition(condition: JSON) -> JSON:
    return condition if condition["type"] == "PodScheduled" else {**condition, "status": "False"}


def _termination(ended: JSON) -> Termination:
    return Termination(
        exit_code=ended.get("exitCode", 0),
        signal=ended.get("signal", 0),
        reason=ended.get("reason", ""),
        message=ended.get("message", ""),
        started_at=_time(ended.get("startedAt")),
        finished_at=_time(ended.get("finishedAt")),
        container_id=ended.get("containerID", "").rpartition("/")[2],
    )


def _time(text: str | None) -> float:
    return parse_time(text) if text else 0.0
