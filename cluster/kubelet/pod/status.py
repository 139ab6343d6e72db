"""A pod's status, as its containers' states make it: phase, conditions, container statuses. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/kubelet_pods.go`` (getPhase) and ``pkg/kubelet/status/generate.go``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kubeapi.meta import JSON, format_time
from kubeapi.objects.pod import read_pod
from kubelet.pod.spec import PodSpec, Role
from kubelet.pod.state import ContainerState, PodState, Stage, Termination, has_init_failed

OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
RUNTIME = "kubesvc"


class PodPlace(NamedTuple):
    """Where a pod is: its own addresses, its node's, of each family one, and when the kubelet took it over."""

    pod_ips: tuple[str, ...]
    host_ips: tuple[str, ...]
    start_time: float

    @property
    def pod_ip(self) -> str:
        """The address of the cluster's preferred family, at which the pod's processes are; "" before it has one."""
        return self.pod_ips[0] if self.pod_ips else ""


def pod_status(pod: JSON, spec: PodSpec, state: PodState, place: PodPlace, now: float) -> JSON:
    """Return the whole status of the Pod object ``pod``; transition times of conditions that stay are kept.

    A phase that is over stays, whoever has written it, with its reason: an evicted pod is Failed while it still ends.
    """
    before = pod.get("status") or {}
    phase = before["phase"] if is_over(before) else phase_of(state, spec.restart_policy)
    inits = [each for each in state.containers if each.role.is_initial]
    mains = [each for each in state.containers if each.role is Role.MAIN]
    ephemeral = [each for each in state.containers if each.role is Role.EPHEMERAL]
    status: JSON = {
        **_observed(pod),
        "phase": phase,
        "conditions": _conditions(pod, state, place, phase, now),
        "hostIP": place.host_ips[0],
        "hostIPs": [{"ip": each} for each in place.host_ips],
        "startTime": format_time(place.start_time),
        "containerStatuses": [_container_status(each) for each in mains],
        "qosClass": read_pod(pod).qos_class,
    }
    if is_over(before):
        status |= {name: before[name] for name in ("reason", "message") if name in before}
    if inits:
        status["initContainerStatuses"] = [_container_status(each) for each in inits]
    if ephemeral:
        status["ephemeralContainerStatuses"] = [_ephemeral_status(each) for each in ephemeral]
    if place.pod_ip:
        status |= {"podIP": place.pod_ip, "podIPs": [{"ip": each} for each in place.pod_ips]}
    return status


def is_over(status: JSON) -> bool:
    """Tell whether a status says that the pod will never run again."""
    return status.get("phase") in ("Succeeded", "Failed")


def phase_of(state: PodState, restart_policy: str) -> str:
    """Return Pending, Running, Succeeded or Failed."""
    if has_init_failed(state):
        return "Failed"
    if not all(_has_initialized(each) for each in state.containers if each.role.is_initial):
        mains = [each for each in state.containers if each.role is Role.MAIN]
        if not any(each.is_alive or each.last for each in mains):
            return "Failed" if state.is_finished else "Pending"
    mains = [each for each in state.containers if each.role is Role.MAIN]
    if any(not each.is_over and each.stage is not Stage.RUNNING and each.last is None for each in mains):
        return "Failed" if state.is_finished else "Pending"
    if all(each.is_over for each in mains) or state.is_finished:
        return "Succeeded" if all(each.has_succeeded for each in mains) else "Failed"
    return "Running"


def _has_initialized(container: ContainerState) -> bool:
    return container.has_succeeded if container.role is Role.INIT else container.is_started


def _conditions(pod: JSON, state: PodState, place: PodPlace, phase: str, now: float) -> list[JSON]:
    before = {each["type"]: each for each in (pod.get("status") or {}).get("conditions") or ()}
    unready = [each.name for each in state.containers if each.role is Role.MAIN and not each.is_ready]
    waiting = [each.name for each in state.containers if each.role.is_initial and not _has_initialized(each)]
    is_running = any(each.role is Role.MAIN and (each.is_alive or each.last) for each in state.containers)
    initialized = (
        not waiting or is_running,
        "ContainersNotInitialized",
        f"containers with incomplete status: {_go(waiting)}",
    )
    if phase in ("Succeeded", "Failed"):
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        containers_ready = (False, reason, "")
        if phase == "Succeeded":
            initialized = (True, "PodCompleted", "")
    else:
        containers_ready = (not unready, "ContainersNotReady", f"containers with unready status: {_go(unready)}")
    ready = containers_ready
    gates = [each["conditionType"] for each in pod["spec"].get("readinessGates") or ()]
    closed = [each for each in gates if (before.get(each) or {}).get("status") != "True"]
    if ready[0] and closed:
        texts = [f'corresponding condition of pod readiness gate "{each}" does not exist.' for each in closed]
        ready = (False, "ReadinessGatesNotReady", ", ".join(texts))
    wanted = {
        "PodReadyToStartContainers": (bool(place.pod_ip) and phase in ("Pending", "Running"), "", ""),
        "Initialized": initialized,
        "Ready": ready,
        "ContainersReady": containers_ready,
        "PodScheduled": (True, "", ""),
    }
    own = [_condition(kind, *wanted[kind], before.get(kind), now) | _observed(pod) for kind in OWN_CONDITIONS]
    return own + [each for kind, each in before.items() if kind not in wanted]


def _observed(pod: JSON) -> JSON:
    """Return which of the author's wishes has been seen, as a part of a status or of a condition."""
    generation = pod["metadata"].get("generation")
    return {"observedGeneration": generation} if generation else {}


def _condition(kind: str, is_true: bool, reason: str, message: str, before: JSON | None, now: float) -> JSON:
    status = "True" if is_true else "False"
    is_same = before is not None and before.get("status") == status
    since = before.get("lastTransitionTime") if before is not None and is_same else None
    condition: JSON = {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": since or format_time(now),
    }
    if (not is_true or reason == "PodCompleted") and reason:
        condition["reason"] = reason
        if message:
            condition["message"] = message
    return condition


def _go(names: Iterable[str]) -> str:
    return f"[{' '.join(names)}]"


def _container_status(container: ContainerState) -> JSON:
    status: JSON = {
        "name": container.name,
        "image": container.image,
        "imageID": f"{RUNTIME}://{container.image}" if container.container_id else "",
        "ready": container.is_ready if container.role is not Role.INIT else container.has_succeeded,
        "started": container.is_started and container.stage is Stage.RUNNING,
        "restartCount": container.restart_count,
        "state": _state(container),
        "lastState": {},
    }
    if container.container_id:
        status["containerID"] = f"{RUNTIME}://{container.container_id}"
    if container.last is not None and not container.is_over:
        status["lastState"] = {"terminated": _terminated(container.last)}
    return status


def _ephemeral_status(container: ContainerState) -> JSON:
    """Return the status of a container that nobody probes or waits for: it never counts as ready."""
    status = {name: value for name, value in _container_status(container).items() if name != "started"}
    return {**status, "ready": False}


def _state(container: ContainerState) -> JSON:
    if container.stage is Stage.RUNNING:
        return {"running": {"startedAt": format_time(container.started_at)}}
    if container.is_over and container.last is not None:
        return {"terminated": _terminated(container.last)}
    waiting: JSON = {"reason": container.reason or "ContainerCreating"}
    if container.message:
        waiting["message"] = container.message
    return {"waiting": waiting}


def _terminated(end: Termination) -> JSON:
    terminated: JSON = {
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": format_time(end.started_at),
        "finishedAt": format_time(end.finished_at),
    }
    if end.signal:
        terminated["signal"] = end.signal
    if end.message:
        terminated["message"] = end.message
    if end.container_id:
        terminated["containerID"] = f"{RUNTIME}://{end.container_id}"
    return terminated
