"""The status of a pod after its node was down: its processes are gone, the pod is not. Pure.

As after a reboot of a kubelet's machine, the pod stays the same and its containers are restarted.
"""

from __future__ import annotations

from typing import Any

from kubeapi.meta import JSON, format_time, parse_time
from kubeapi.objects.conditions import conditions_of
from kubeapi.objects.container import ContainerStatus
from kubeapi.objects.parts import status_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.podresizing import RESIZE_PENDING
from kubelet.pod.machine.state import EarlierRuns, Termination

UNKNOWN_EXIT = 255
"""containerd's exit code of a container that ended unseen."""
_STAYING = ("PodScheduled", RESIZE_PENDING)
"""Conditions that need no process."""
_LISTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def after_reboot(pod: JSON, now: float) -> JSON:
    """Return the pod as it is when nothing of it runs: not ready and without address, unless it was finished.

    A pod that is never restarted has failed. What ran has ended ``now``, in seconds since the epoch: the true time is
    unknown, and containerd takes the time at which it finds out (loadContainer in its CRI server's restart.go).
    """
    reading, status = read_pod(pod), status_of(pod)
    if reading.is_finished or not reading.node_name:
        return pod
    lists = {name: [_ended(each, now) for each in status[name]] for name in _LISTS if name in status}
    has_run = any(each.running is not None for each in reading.all_container_statuses)
    is_lost = has_run and pod["spec"].get("restartPolicy") == "Never"
    kept = {name: value for name, value in status.items() if name in ("qosClass", "startTime", "hostIP", "hostIPs")}
    conditions = [_condition(each) for each in conditions_of(pod)]
    return {**pod, "status": {**kept, "phase": "Failed" if is_lost else "Pending", "conditions": conditions, **lists}}


def earlier_runs(status: JSON) -> dict[str, EarlierRuns]:
    """Return the runs of each container in a status, by name; empty for a pod that has never run."""
    runs: dict[str, EarlierRuns] = {}
    for each in read_pod({"status": status}).all_container_statuses:
        ended = each.last_terminated or each.terminated
        if ended is not None:
            runs[each.name] = EarlierRuns(each.restart_count, _termination(ended))
    return runs


def _ended(container: JSON, now: float) -> JSON:
    """Return the status of a container without its process; its next start counts as a restart."""
    running = ContainerStatus(container).running
    ended = {**container, "ready": False, "started": False}
    if running is not None:
        terminated: dict[str, Any] = {
            "exitCode": UNKNOWN_EXIT,
            "reason": "Unknown",
            "startedAt": running["startedAt"],
            "finishedAt": format_time(now),
        }
        if "containerID" in container:
            terminated["containerID"] = container["containerID"]
        ended["state"] = {"terminated": terminated}
    return ended


def _condition(condition: JSON) -> JSON:
    return condition if condition["type"] in _STAYING else {**condition, "status": "False"}


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
