"""The status of a Pod object, made from its containers' states: phase, conditions, container statuses. Pure.

Follows k8s.io/kubernetes ``pkg/kubelet/kubelet_pods.go`` (getPhase) and ``pkg/kubelet/status/generate.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import NamedTuple

from kubeapi.meta import JSON, format_time
from kubeapi.objects.conditions import conditions_of, is_condition_true
from kubeapi.objects.parts import list_at, map_at, status_of
from kubeapi.objects.pod import read_pod
from kubeapi.objects.podresizing import RESIZE_PENDING
from kubelet.pod.machine.resizing import IN_PROGRESS, resize_condition
from kubelet.pod.machine.state import ContainerState, PodPlace, PodState, Stage, Termination, has_init_failed
from kubelet.pod.spec import Role

RUNTIME = "kubesvc"


def pod_status(pod: JSON, state: PodState, place: PodPlace, now: float) -> JSON:
    """Return the whole status of the Pod object ``pod``; ``now`` is in seconds since the epoch.

    Conditions that keep their status keep their transition time. A phase that is over stays, with its reason, even if
    another component wrote it: an evicted pod is Failed while its containers still end.
    """
    before, reading = status_of(pod), read_pod(pod)
    phase = reading.phase if reading.is_finished else phase_of(state)
    status: JSON = {
        **_observed(pod),
        "phase": phase,
        "conditions": _conditions(pod, state, place, phase, now),
        "hostIP": place.host_ips[0],
        "hostIPs": [{"ip": each} for each in place.host_ips],
        "startTime": format_time(place.start_time),
        **_container_statuses(pod, state),
        "qosClass": reading.qos_class,
    }
    if reading.is_finished:
        status |= {name: before[name] for name in ("reason", "message") if name in before}
    if own := map_at(pod, "spec", "resources"):
        status |= {"resources": own}
        status |= {"allocatedResources": own["requests"]} if "requests" in own else {}
    if place.pod_ip:
        status |= {"podIP": place.pod_ip, "podIPs": [{"ip": each} for each in place.pod_ips]}
    return status


def _container_statuses(pod: JSON, state: PodState) -> JSON:
    lists = (list_at(pod, "spec", name) for name in ("initContainers", "containers"))
    asked = {each["name"]: map_at(each, "resources") for each in chain.from_iterable(lists)}
    inits = [_resourced_status(each, asked) for each in state.containers if each.role.is_initial]
    ephemeral = [_ephemeral_status(each) for each in state.containers if each.role is Role.EPHEMERAL]
    statuses: JSON = {"containerStatuses": [_resourced_status(each, asked) for each in _mains(state)]}
    if inits:
        statuses["initContainerStatuses"] = inits
    if ephemeral:
        statuses["ephemeralContainerStatuses"] = ephemeral
    return statuses


def phase_of(state: PodState) -> str:
    """Return Pending, Running, Succeeded or Failed (getPhase); none of the last two while a process is there.

    That is mergePodStatus in ``pkg/kubelet/status``: with such a phase the pod's resources are free for others.
    """
    phase, mains = _own_phase(state), _mains(state)
    if phase in ("Succeeded", "Failed") and any(each.is_alive for each in state.containers):
        return "Running" if _have_mains_begun(mains) else "Pending"
    return phase


def _own_phase(state: PodState) -> str:
    if has_init_failed(state):
        return "Failed"
    mains = _mains(state)
    is_initializing = bool(_uninitialized(state)) and not _have_mains_begun(mains)
    has_unstarted = any(not each.is_over and each.stage is not Stage.RUNNING and each.last is None for each in mains)
    if is_initializing or has_unstarted:
        return "Failed" if state.is_finished else "Pending"
    if all(each.is_over for each in mains) or state.is_finished:
        return "Succeeded" if all(each.has_succeeded for each in mains) else "Failed"
    return "Running"


def _mains(state: PodState) -> list[ContainerState]:
    return [each for each in state.containers if each.role is Role.MAIN]


def _have_mains_begun(mains: Iterable[ContainerState]) -> bool:
    return any(each.is_alive or each.last for each in mains)


def _uninitialized(state: PodState) -> list[str]:
    """Return the names of the init containers that have not succeeded and of the sidecars that have not started."""
    return [each.name for each in state.containers if each.role.is_initial and not each.lets_others_start]


class _Verdict(NamedTuple):
    """Whether a condition is true, with the reason and message that it has if it is not."""

    is_true: bool
    reason: str = ""
    message: str = ""


def _conditions(pod: JSON, state: PodState, place: PodPlace, phase: str, now: float) -> list[JSON]:
    """Return the kubelet's own conditions, then those that others wrote."""
    before = {each["type"]: each for each in conditions_of(pod)}
    containers_ready = _containers_ready(state, phase)
    verdicts = {
        "PodReadyToStartContainers": _Verdict(bool(place.pod_ip) and phase in ("Pending", "Running")),
        "Initialized": _initialized(state, phase),
        "Ready": _ready(pod, containers_ready),
        "ContainersReady": containers_ready,
        "PodScheduled": _Verdict(True),
    }
    own = [_condition(kind, verdict, before.get(kind), now) | _observed(pod) for kind, verdict in verdicts.items()]
    if state.deferred is not None:
        own.append(resize_condition(RESIZE_PENDING, "Deferred", state.deferred, before.get(RESIZE_PENDING), now))
    if state.resizing is not None:
        own.append(resize_condition(IN_PROGRESS, "Error", state.resizing, before.get(IN_PROGRESS), now))
    return own + [each for kind, each in before.items() if kind not in (*verdicts, RESIZE_PENDING, IN_PROGRESS)]


def _initialized(state: PodState, phase: str) -> _Verdict:
    if phase == "Succeeded":
        return _Verdict(True, "PodCompleted")
    waiting = _uninitialized(state)
    message = f"containers with incomplete status: {_go_list(waiting)}"
    return _Verdict(not waiting or _have_mains_begun(_mains(state)), "ContainersNotInitialized", message)


def _containers_ready(state: PodState, phase: str) -> _Verdict:
    if phase in ("Succeeded", "Failed"):
        return _Verdict(False, "PodCompleted" if phase == "Succeeded" else "PodFailed")
    unready = [each.name for each in _mains(state) if not each.is_ready]
    return _Verdict(not unready, "ContainersNotReady", f"containers with unready status: {_go_list(unready)}")


def _ready(pod: JSON, containers_ready: _Verdict) -> _Verdict:
    """Return whether the containers are ready and every readiness gate's condition is True."""
    gates = [each["conditionType"] for each in list_at(pod, "spec", "readinessGates")]
    closed = [each for each in gates if not is_condition_true(pod, each)]
    if not containers_ready.is_true or not closed:
        return containers_ready
    texts = [f'corresponding condition of pod readiness gate "{each}" does not exist.' for each in closed]
    return _Verdict(False, "ReadinessGatesNotReady", ", ".join(texts))


def _observed(pod: JSON) -> JSON:
    """Return the field with which a status or a condition says which generation of the spec it is about."""
    generation = pod["metadata"].get("generation")
    return {"observedGeneration": generation} if generation else {}


def _condition(kind: str, verdict: _Verdict, before: JSON | None, now: float) -> JSON:
    status = "True" if verdict.is_true else "False"
    is_same = before is not None and before.get("status") == status
    since = before.get("lastTransitionTime") if before is not None and is_same else None
    condition: JSON = {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": since or format_time(now),
    }
    if verdict.reason and (not verdict.is_true or verdict.reason == "PodCompleted"):
        condition["reason"] = verdict.reason
        if verdict.message:
            condition["message"] = verdict.message
    return condition


def _go_list(names: Iterable[str]) -> str:
    """Return names as Go prints a slice: ``[a b]``."""
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


def _resourced_status(container: ContainerState, asked: Mapping[str, JSON]) -> JSON:
    """Return the status of a container with its resources: those that it has while it runs, and what is asked for."""
    wanted = asked.get(container.name, {})
    has = container.given.own if container.stage is Stage.RUNNING else wanted
    status = {**_container_status(container), "resources": has}
    return {**status, "allocatedResources": wanted["requests"]} if wanted.get("requests") else status


def _ephemeral_status(container: ContainerState) -> JSON:
    """Return the status of an ephemeral container, which never counts as ready."""
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
