"""The life of a pod's containers: start order, restarts with back-off, and stopping, as a pure state machine.

``step`` takes the state, one event and the time, and answers with the next state and what has to be done now. It never
starts, signals or probes anything itself. Times are seconds since the epoch. Follows k8s.io/kubernetes
``pkg/kubelet/kuberuntime`` (computePodActions, doBackOff) and client-go ``util/flowcontrol`` (Backoff).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kubelet.pod.events import (
    Action,
    Began,
    BeginProbes,
    ConfigChanged,
    Deleted,
    EndProbes,
    Event,
    Exited,
    Finish,
    Kill,
    PostStartFailed,
    PreStopFinished,
    ProbeKilled,
    ReadinessChanged,
    Refused,
    Report,
    RunPreStop,
    Signal,
    Start,
    Started,
    StartFailed,
    StartupPassed,
    Ticked,
)
from kubelet.pod.spec import Role
from kubelet.pod.state import ContainerState, PodState, Stage, Termination, has_init_failed

BACK_OFF_FIRST = 10.0
"""Seconds of the first back-off (kubelet's ``initialBackoff``)."""
BACK_OFF_LIMIT = 300.0
"""The longest back-off; a container that ran for twice as long starts anew (``MaxContainerBackOff``)."""
PULL_BACK_OFF_SHOWN_AFTER = 1.0
"""Seconds after which ErrImagePull becomes ImagePullBackOff (the kubelet's next synchronisation)."""
START_RETRY_SECONDS = 1.0
"""Pause after the first start that failed, in which its reason can be seen (the kubelet's next synchronisation)."""
LEAST_TERM_SECONDS = 2.0
"""Between SIGTERM and SIGKILL when a hook has used up the grace period (``minimumGracePeriodInSeconds``)."""


def next_wakeup(state: PodState) -> float | None:
    """Return when ``Ticked`` is due next, None when nothing waits for the time."""
    times: list[float] = []
    for each in state.containers:
        if each.kill_at is not None and each.stage is Stage.RUNNING:
            times.append(each.kill_at)
        if each.stage is Stage.WAITING and each.retry_at and not state.is_terminating:
            times.append(each.shown_at + PULL_BACK_OFF_SHOWN_AFTER if each.reason == "ErrImagePull" else each.retry_at)
    return min(times, default=None)


def step(state: PodState, event: Event, now: float) -> tuple[PodState, list[Action]]:
    """Return the state after ``event`` and what is to be done now."""
    actions: list[Action] = []
    match event:
        case Deleted(grace):
            state = _delete(state, grace, now, actions)
        case Began() | Ticked():
            pass
        case ConfigChanged():
            state = _map(state, lambda each: replace(each, retry_at=now) if _waits_for_config(each) else each)
        case _:
            state = _put(state, _container_step(state, event, now, actions))
    state = _map(state, lambda each: _pass_time(each, now, actions))
    return _progress(state, now, actions), actions


def _container_step(state: PodState, event: Event, now: float, actions: list[Action]) -> ContainerState:
    assert not isinstance(event, Began | Ticked | Deleted | ConfigChanged)
    container = state.container(event.name)
    is_late = container.stage is not Stage.RUNNING
    match event:
        case StartupPassed() | ReadinessChanged() | ProbeKilled() | PostStartFailed() if is_late:
            pass
        case Started():
            container = _started(container, event, now, actions)
        case Refused():
            container = _refused(container, event, now, actions)
        case StartFailed():
            container = _start_failed(state, container, event, now, actions)
        case Exited():
            container = _exited(state, container, event, now, actions)
        case StartupPassed():
            container = replace(container, is_started=True, is_ready=not container.has_readiness_probe)
        case ReadinessChanged():
            container = replace(container, is_ready=event.is_ready and container.is_started)
        case ProbeKilled():
            text = f"Container {container.name} failed {event.kind} probe, will be restarted"
            grace = state.grace_seconds if event.grace_seconds is None else event.grace_seconds
            container = _stop(container, grace, text, now, actions)
        case PostStartFailed():
            container = _stop(container, state.grace_seconds, "FailedPostStartHook", now, actions)
        case PreStopFinished():
            container = _signal(container, actions)
    return container


def _started(container: ContainerState, event: Started, now: float, actions: list[Action]) -> ContainerState:
    actions.append(Report("Normal", "Started", f"Started container {container.name}"))
    container = replace(
        container,
        stage=Stage.RUNNING,
        reason="",
        message="",
        pid=event.pid,
        container_id=event.container_id,
        started_at=now,
        is_started=not container.has_startup_probe,
        is_ready=not container.has_startup_probe and not container.has_readiness_probe,
        pull_back_off=0.0,
    )
    if container.kill_at is not None:
        return _signal(replace(container, is_signalled=False), actions)
    actions.append(BeginProbes(container.name))
    return container


def _refused(container: ContainerState, event: Refused, now: float, actions: list[Action]) -> ContainerState:
    if event.reason == "ErrImagePull":
        actions.append(Report("Warning", "Failed", f'Failed to pull image "{container.image}": {event.message}'))
        actions.append(Report("Warning", "Failed", "Error: ErrImagePull"))
    else:
        actions.append(Report("Warning", "Failed", f"Error: {event.message}"))
    wait = min(max(container.pull_back_off * 2, BACK_OFF_FIRST), BACK_OFF_LIMIT)
    return replace(
        container,
        stage=Stage.WAITING,
        reason=event.reason,
        message=event.message,
        retry_at=now + wait,
        pull_back_off=wait,
        shown_at=now,
    )


def _start_failed(
    state: PodState, container: ContainerState, event: StartFailed, now: float, actions: list[Action]
) -> ContainerState:
    actions.append(Report("Warning", "Failed", f"Error: {event.message}"))
    # containerd reports what it could not start as an end with exit code 128 at the epoch's beginning
    end = Termination(128, 0, "StartError", event.message, 0.0, now, container.container_id)
    return _ended(state, container, end, now, actions, waiting=("RunContainerError", event.message))


def _exited(
    state: PodState, container: ContainerState, event: Exited, now: float, actions: list[Action]
) -> ContainerState:
    actions.append(EndProbes(container.name))
    reason = "Completed" if event.exit_code == 0 else "Error"
    end = Termination(
        event.exit_code, event.signal, reason, event.message, container.started_at, now, container.container_id
    )
    return _ended(state, container, end, now, actions, waiting=None)


def _ended(
    state: PodState,
    container: ContainerState,
    end: Termination,
    now: float,
    actions: list[Action],
    waiting: tuple[str, str] | None,
) -> ContainerState:
    """Return the container after its end: over, restarted at once, or waiting for its back-off."""
    container = replace(
        container, last=end, pid=0, kill_at=None, is_signalled=False, is_started=False, is_ready=False, retry_at=0.0
    )
    if state.is_terminating or not _should_restart(container.restart_policy, end.exit_code):
        return replace(container, stage=Stage.TERMINATED, reason="", message="")
    has_recovered = now - container.started_at > 2 * BACK_OFF_LIMIT and end.reason != "StartError"
    wait = 0.0 if has_recovered else container.back_off
    following = BACK_OFF_FIRST if not wait else min(wait * 2, BACK_OFF_LIMIT)
    container = replace(
        container,
        stage=Stage.WAITING,
        is_restart=True,
        back_off=following,
        retry_at=now + wait,
        reason="ContainerCreating",
        message="",
    )
    if waiting and not wait:
        return replace(container, reason=waiting[0], message=waiting[1], retry_at=now + START_RETRY_SECONDS)
    if wait:
        text = f"Back-off restarting failed container {container.name} in pod {state.label}"
        actions.append(Report("Warning", "BackOff", text))
        message = f"back-off {_duration(wait)} restarting failed container={container.name} pod={state.label}"
        return replace(container, reason="CrashLoopBackOff", message=message)
    return container


def _should_restart(policy: str, exit_code: int) -> bool:
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def _duration(seconds: float) -> str:
    """Return seconds as Go prints a Duration: 40s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _delete(state: PodState, grace: float, now: float, actions: list[Action]) -> PodState:
    if state.is_terminating:
        return _map(state, lambda each: _shorten(each, now + grace))
    state = replace(state, is_terminating=True, grace_seconds=grace)
    has_mains = any(each.role is Role.MAIN and each.is_alive for each in state.containers)

    def begin(each: ContainerState) -> ContainerState:
        if each.role is Role.SIDECAR and has_mains:
            return each
        return _stop(each, grace, f"Stopping container {each.name}", now, actions)

    return _map(state, begin)


def _shorten(container: ContainerState, kill_at: float) -> ContainerState:
    if container.kill_at is None:
        return container
    return replace(container, kill_at=min(container.kill_at, kill_at))


def _stop(container: ContainerState, grace: float, why: str, now: float, actions: list[Action]) -> ContainerState:
    if not container.is_alive:
        return replace(container, kill_at=None)
    if container.kill_at is not None:
        return container
    actions.append(Report("Normal", "Killing", why))
    container = replace(container, kill_at=now + grace)
    if container.stage is Stage.STARTING:
        return container
    if grace > 0 and container.has_pre_stop:
        actions.append(RunPreStop(container.name, grace))
        return container
    return _signal(container, actions)


def _signal(container: ContainerState, actions: list[Action]) -> ContainerState:
    if container.stage is not Stage.RUNNING or container.kill_at is None or container.is_signalled:
        return container
    actions.append(Signal(container.name))
    return replace(container, is_signalled=True)


def _pass_time(container: ContainerState, now: float, actions: list[Action]) -> ContainerState:
    if container.stage is Stage.RUNNING and container.kill_at is not None and now >= container.kill_at:
        if container.is_signalled or not container.has_pre_stop:
            actions.append(Kill(container.name))
            return replace(container, kill_at=now + LEAST_TERM_SECONDS)
        return replace(_signal(container, actions), kill_at=now + LEAST_TERM_SECONDS)
    is_pull = container.stage is Stage.WAITING and container.reason == "ErrImagePull"
    if is_pull and now >= container.shown_at + PULL_BACK_OFF_SHOWN_AFTER:
        text = f'Back-off pulling image "{container.image}"'
        actions.append(Report("Normal", "BackOff", text))
        actions.append(Report("Warning", "Failed", "Error: ImagePullBackOff"))
        return replace(container, reason="ImagePullBackOff", message=f"{text}: {container.message}")
    return container


def _progress(state: PodState, now: float, actions: list[Action]) -> PodState:
    """Start what may start now; stop what nobody needs; notice the end."""
    mains = [each for each in state.containers if each.role is Role.MAIN]
    if state.is_terminating:
        if not any(each.is_alive for each in mains):
            state = _stop_others(state, state.grace_seconds, now, actions)
        if not any(each.is_alive for each in state.containers) and not state.is_finished:
            actions.append(Finish())
            return replace(state, is_finished=True)
        return state
    if all(each.is_over for each in mains) or has_init_failed(state):
        return _stop_others(state, state.grace_seconds, now, actions)
    may_start = {each.name for each in _startable(state)}

    def start(each: ContainerState) -> ContainerState:
        if each.name not in may_start or each.stage is not Stage.WAITING or each.retry_at > now:
            return each
        actions.append(Start(each.name))
        restarts = each.restart_count + (1 if each.is_restart else 0)
        return replace(each, stage=Stage.STARTING, restart_count=restarts, is_restart=False, is_resumed=False)

    return _map(state, start)


def _startable(state: PodState) -> list[ContainerState]:
    """Return the containers whose turn has come: sidecars that came up, the one being waited for, or all."""
    found = [each for each in state.containers if each.role is Role.EPHEMERAL]
    for each in state.containers:
        if each.role is Role.EPHEMERAL:
            continue
        found.append(each)
        if each.role is Role.MAIN:
            continue
        if not each.lets_others_start and not _mains_have_begun(state):
            break
    return found


def _mains_have_begun(state: PodState) -> bool:
    return any(
        each.role is Role.MAIN
        and not each.is_resumed
        and (each.is_alive or each.last is not None or each.restart_count)
        for each in state.containers
    )


def _stop_others(state: PodState, grace: float, now: float, actions: list[Action]) -> PodState:
    def stop(each: ContainerState) -> ContainerState:
        if each.role not in (Role.SIDECAR, Role.EPHEMERAL) or each.kill_at is not None:
            return each
        stopped = _stop(each, grace, f"Stopping container {each.name}", now, actions)
        return replace(stopped, restart_policy="Never")

    return _map(state, stop)


def _waits_for_config(container: ContainerState) -> bool:
    return container.stage is Stage.WAITING and container.reason == "CreateContainerConfigError"


def _map(state: PodState, change: Callable[[ContainerState], ContainerState]) -> PodState:
    return replace(state, containers=tuple(change(each) for each in state.containers))


def _put(state: PodState, container: ContainerState) -> PodState:
    return replace(
        state, containers=tuple(container if each.name == container.name else each for each in state.containers)
    )
