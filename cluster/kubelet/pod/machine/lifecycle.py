"""The life of a pod's containers: start order, restarts with back-off, and stopping, as a pure state machine.

``step`` takes the state, one event and the time, and returns the next state and what has to be done now. It never
starts, signals or probes anything itself. ``transitions`` has what happens to one container; here is what concerns
several. Times are seconds since the epoch. Follows k8s.io/kubernetes ``pkg/kubelet/kuberuntime`` (computePodActions).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kubelet.pod.machine.events import (
    Action,
    Began,
    ConfigChanged,
    Defers,
    Deleted,
    Event,
    Finish,
    Resizes,
    Start,
    Ticked,
)
from kubelet.pod.machine.state import ContainerState, PodState, Stage, has_init_failed
from kubelet.pod.machine.stopping import Step, signalled, stop
from kubelet.pod.machine.transitions import PULL_BACK_OFF_SHOWN_AFTER, after_event, after_time
from kubelet.pod.spec import Role


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
    """Return the state after ``event``, and what has to be done now, in order."""
    this = Step(state, now)
    match event:
        case Deleted(grace):
            state = _delete(this, state, grace)
        case Began() | Ticked():
            pass
        case Resizes(resizing):
            state = replace(state, resizing=resizing)
        case Defers(deferred):
            state = replace(state, deferred=deferred)
        case ConfigChanged():
            state = _map(state, lambda each: replace(each, retry_at=now) if _waits_for_config(each) else each)
        case _:
            changed = after_event(this, state.container(event.name), event)
            state = _map(state, lambda each: changed if each.name == changed.name else each)
    # Every event may come late: what was due by now happens before anything new is started.
    state = _map(state, lambda each: after_time(this, each))
    return _progress(this, state), this.actions


def _delete(step: Step, state: PodState, grace: float) -> PodState:
    if state.is_terminating:
        return _map(state, lambda each: _shorten(each, step.now + grace))
    state = replace(state, is_terminating=True, grace_seconds=grace)
    return _map(state, lambda each: stop(step, each, grace, f"Stopping container {each.name}"))


def _shorten(container: ContainerState, kill_at: float) -> ContainerState:
    """Bring a container's SIGKILL forward: a second deletion may shorten the grace period, never extend it."""
    if container.kill_at is None:
        return container
    return replace(container, kill_at=min(container.kill_at, kill_at))


def _progress(step: Step, state: PodState) -> PodState:
    """Start the containers that may start now, stop those that nothing needs any more, and notice the pod's end."""
    mains = [each for each in state.containers if each.role is Role.MAIN]
    if state.is_terminating:
        state = _signal_sidecars(step, state, is_ending=True)
        if not any(each.is_alive for each in state.containers) and not state.is_finished:
            step.ask(Finish())
            return replace(state, is_finished=True)
        return state
    if all(each.is_over for each in mains) or has_init_failed(state):
        return _signal_sidecars(step, _stop_others(step, state), is_ending=True)
    return _start(step, _signal_sidecars(step, state, is_ending=False))


def _signal_sidecars(step: Step, state: PodState, *, is_ending: bool) -> PodState:
    """Signal the sidecars that are due; in a pod that ends, each once all that has started after it has ended.

    Follows ``pkg/kubelet/kuberuntime`` (killContainer, terminationOrdering): hooks run at once, signals in this order.
    """
    has_later = is_ending and any(each.role is Role.MAIN and each.is_alive for each in state.containers)
    containers: list[ContainerState] = []
    for each in reversed(state.containers):
        container = signalled(step, each) if each.is_due and not has_later else each
        has_later = has_later or (is_ending and each.role is Role.SIDECAR and each.is_alive)
        containers.append(container)
    return replace(state, containers=tuple(reversed(containers)))


def _start(step: Step, state: PodState) -> PodState:
    may_start = {each.name for each in _startable(state)}

    def start(each: ContainerState) -> ContainerState:
        if each.name not in may_start or each.stage is not Stage.WAITING or each.retry_at > step.now:
            return each
        step.ask(Start(each.name))
        restarts = each.restart_count + (1 if each.is_restart else 0)
        return replace(each, stage=Stage.STARTING, restart_count=restarts, is_restart=False, is_resumed=False)

    return _map(state, start)


def _startable(state: PodState) -> list[ContainerState]:
    """Return the containers that the start order allows: all up to the first that the following ones wait for."""
    found = [each for each in state.containers if each.role is Role.EPHEMERAL]
    for each in state.containers:
        if each.role is Role.EPHEMERAL:
            continue
        found.append(each)
        if each.role is Role.MAIN:
            continue
        if not each.lets_others_start and not _have_mains_begun(state):
            break
    return found


def _have_mains_begun(state: PodState) -> bool:
    return any(
        each.role is Role.MAIN
        and not each.is_resumed
        and (each.is_alive or each.last is not None or each.restart_count)
        for each in state.containers
    )


def _stop_others(step: Step, state: PodState) -> PodState:
    """Stop sidecars and ephemeral containers for good."""

    def stop_for_good(each: ContainerState) -> ContainerState:
        if each.role not in (Role.SIDECAR, Role.EPHEMERAL) or each.kill_at is not None:
            return each
        stopped = stop(step, each, state.grace_seconds, f"Stopping container {each.name}")
        return replace(stopped, restart_policy="Never")

    return _map(state, stop_for_good)


def _waits_for_config(container: ContainerState) -> bool:
    return container.stage is Stage.WAITING and container.reason == "CreateContainerConfigError"


def _map(state: PodState, change: Callable[[ContainerState], ContainerState]) -> PodState:
    return replace(state, containers=tuple(change(each) for each in state.containers))
