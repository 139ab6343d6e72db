"""The transitions of one container: what an event, or the passing of time, makes of it. Pure; for ``lifecycle``.

Follows k8s.io/kubernetes ``pkg/kubelet/kuberuntime`` (doBackOff) and client-go ``util/flowcontrol`` (Backoff). Times
are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import replace

from kubelet.pod.machine.events import (
    BeginProbes,
    ContainerEvent,
    EndProbes,
    Exited,
    Kill,
    PostStartFailed,
    PreStopFinished,
    ProbeKilled,
    ReadinessChanged,
    Refused,
    Resized,
    ResizeRestart,
    Started,
    StartFailed,
    StartupPassed,
)
from kubelet.pod.machine.state import ContainerState, Stage, Termination
from kubelet.pod.machine.stopping import Step, signal_when_due, signalled, stop

BACK_OFF_FIRST = 10.0
"""Seconds of the first back-off (kubelet's ``initialBackoff``)."""
BACK_OFF_LIMIT = 300.0
"""The longest back-off; a container that ran for twice as long starts anew (``MaxContainerBackOff``)."""
PULL_BACK_OFF_SHOWN_AFTER = 1.0
"""Seconds after which ErrImagePull becomes ImagePullBackOff (the kubelet's next synchronisation)."""
START_RETRY_SECONDS = 1.0
"""Pause after the first start that failed, during which its reason is shown (the kubelet's next synchronisation)."""
MINIMUM_GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL when a hook has used up the grace period (``minimumGracePeriodInSeconds``)."""
START_ERROR_CODE = 128
"""containerd's exit code of a container that it could not start."""


def after_event(step: Step, container: ContainerState, event: ContainerEvent) -> ContainerState:
    """Return the container after an event of its own; a probe's or hook's result is ignored once it does not run."""
    match event:
        case Started():
            changed = _started(step, container, event)
        case Refused():
            changed = _refused(step, container, event)
        case StartFailed():
            changed = _start_failed(step, container, event.message)
        case Exited():
            changed = _exited(step, container, event)
        case PreStopFinished():
            changed = signal_when_due(step, container)
        case _:
            changed = _after_result(step, container, event) if container.stage is Stage.RUNNING else container
    return changed


def _after_result(
    step: Step,
    container: ContainerState,
    event: StartupPassed | ReadinessChanged | ProbeKilled | PostStartFailed | Resized | ResizeRestart,
) -> ContainerState:
    match event:
        case Resized():
            return replace(container, given=event.given)
        case ResizeRestart():
            return stop(step, container, step.pod.grace_seconds, f"Container {container.name} resize requires restart")
        case StartupPassed():
            return replace(container, is_started=True, is_ready=not container.has_readiness_probe)
        case ReadinessChanged():
            return replace(container, is_ready=event.is_ready and container.is_started)
        case ProbeKilled():
            grace = step.pod.grace_seconds if event.grace_seconds is None else event.grace_seconds
            message = f"Container {container.name} failed {event.kind} probe, will be restarted"
            return stop(step, container, grace, message)
        case PostStartFailed():
            return stop(step, container, step.pod.grace_seconds, "FailedPostStartHook")


def _started(step: Step, container: ContainerState, event: Started) -> ContainerState:
    step.report("Normal", "Started", f"Started container {container.name}")
    container = replace(
        container,
        stage=Stage.RUNNING,
        reason="",
        message="",
        pid=event.pid,
        container_id=event.container_id,
        given=event.given,
        started_at=step.now,
        is_started=not container.has_startup_probe,
        is_ready=not container.has_startup_probe and not container.has_readiness_probe,
        pull_back_off=0.0,
    )
    if container.kill_at is not None:
        return signal_when_due(step, replace(container, is_signalled=False))
    step.ask(BeginProbes(container.name))
    return container


def _refused(step: Step, container: ContainerState, event: Refused) -> ContainerState:
    if event.reason == "ErrImagePull":
        step.report("Warning", "Failed", f'Failed to pull image "{event.image}": {event.message}')
        step.report("Warning", "Failed", "Error: ErrImagePull")
    else:
        step.report("Warning", "Failed", f"Error: {event.message}")
    # Pulls have a back-off of their own; a failed one counts neither as a restart nor for the container's back-off.
    wait = min(max(container.pull_back_off * 2, BACK_OFF_FIRST), BACK_OFF_LIMIT)
    return replace(
        container,
        stage=Stage.WAITING,
        reason=event.reason,
        message=event.message,
        retry_at=step.now + wait,
        pull_back_off=wait,
        shown_at=step.now,
        refused_image=event.image,
    )


def _start_failed(step: Step, container: ContainerState, message: str) -> ContainerState:
    step.report("Warning", "Failed", f"Error: {message}")
    # containerd reports a container that it could not start as begun at the epoch.
    end = Termination(START_ERROR_CODE, 0, "StartError", message, 0.0, step.now, container.container_id)
    ended = _ended(step, container, end)
    if ended.stage is Stage.WAITING and ended.reason != "CrashLoopBackOff":
        return replace(ended, reason="RunContainerError", message=message, retry_at=step.now + START_RETRY_SECONDS)
    return ended


def _exited(step: Step, container: ContainerState, event: Exited) -> ContainerState:
    step.ask(EndProbes(container.name))
    reason = "OOMKilled" if event.is_out_of_memory else "Error" if event.exit_code else "Completed"
    return _ended(
        step,
        container,
        Termination(
            event.exit_code,
            event.signal,
            reason,
            event.message,
            container.started_at,
            step.now,
            container.container_id,
        ),
    )


def _ended(step: Step, container: ContainerState, end: Termination) -> ContainerState:
    """Return the container after its end: terminated, to be restarted at once, or waiting for its back-off."""
    container = replace(container, last=end, pid=0, is_started=False, is_ready=False, retry_at=0.0)
    container = replace(container, kill_at=None, is_signalled=False, is_due=False)
    if step.pod.is_terminating or not container.restarts_after(end.exit_code):
        return replace(container, stage=Stage.TERMINATED, reason="", message="")
    # A container that could not be started has not run, whenever it began.
    has_recovered = step.now - container.started_at > 2 * BACK_OFF_LIMIT and end.reason != "StartError"
    wait = 0.0 if has_recovered else container.back_off
    container = replace(
        container,
        stage=Stage.WAITING,
        is_restart=True,
        back_off=min(wait * 2, BACK_OFF_LIMIT) if wait else BACK_OFF_FIRST,
        retry_at=step.now + wait,
    )
    if not wait:
        return replace(container, reason="ContainerCreating", message="")
    name, pod = container.name, step.pod.label
    step.report("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {pod}")
    message = f"back-off {_go_duration(wait)} restarting failed container={name} pod={pod}"
    return replace(container, reason="CrashLoopBackOff", message=message)


def _go_duration(seconds: float) -> str:
    """Return seconds as Go prints a Duration: 40s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def after_time(step: Step, container: ContainerState) -> ContainerState:
    """Return the container at the time of the step: a grace period or the first pull error may be over."""
    if container.stage is Stage.RUNNING and container.kill_at is not None and step.now >= container.kill_at:
        if container.is_signalled:
            step.ask(Kill(container.name))
            return replace(container, kill_at=step.now + MINIMUM_GRACE_SECONDS)
        return replace(signalled(step, container), kill_at=step.now + MINIMUM_GRACE_SECONDS)
    has_pull_error = container.stage is Stage.WAITING and container.reason == "ErrImagePull"
    if has_pull_error and step.now >= container.shown_at + PULL_BACK_OFF_SHOWN_AFTER:
        text = f'Back-off pulling image "{container.refused_image}"'
        step.report("Normal", "BackOff", text)
        step.report("Warning", "Failed", "Error: ImagePullBackOff")
        return replace(container, reason="ImagePullBackOff", message=f"{text}: {container.message}")
    return container
