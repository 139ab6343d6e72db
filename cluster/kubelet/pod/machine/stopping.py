"""One step of a pod's state machine, and how a container is stopped in it. Pure; for ``transitions`` and ``lifecycle``.

Follows k8s.io/kubernetes ``pkg/kubelet/kuberuntime`` (killContainer): a hook runs at once, and the stop signal of a
sidecar waits until all that has started after it has ended.
"""

from __future__ import annotations

from dataclasses import replace

from kubelet.pod.machine.events import Action, Report, RunPreStop, Signal
from kubelet.pod.machine.state import ContainerState, PodState, Stage
from kubelet.pod.spec import Role


class Step:
    """One step of a pod's state machine: the pod before it, its time, and the actions that it asks for."""

    __slots__ = ("actions", "now", "pod")

    def __init__(self, pod: PodState, now: float) -> None:
        self.pod = pod
        self.now = now
        self.actions: list[Action] = []

    def ask(self, action: Action) -> None:
        """Ask for an action, after those before it."""
        self.actions.append(action)

    def report(self, kind: str, reason: str, message: str) -> None:
        """Ask for an event about the pod; ``kind`` is Normal or Warning."""
        self.actions.append(Report(kind, reason, message))


def stop(step: Step, container: ContainerState, grace: float, message: str) -> ContainerState:
    """Begin to stop a container: its preStop hook, then its stop signal, then SIGKILL after ``grace`` seconds.

    The signal of a sidecar waits for its turn, unless there is no time for that.
    """
    if not container.is_alive:
        return replace(container, kill_at=None)
    if container.kill_at is not None:
        return container
    step.report("Normal", "Killing", message)
    container = replace(container, kill_at=step.now + grace)
    if container.stage is Stage.STARTING:
        return container  # it is signalled once its process runs
    if grace > 0 and container.has_pre_stop:
        step.ask(RunPreStop(container.name, grace))
        return container
    return signal_when_due(step, container) if grace > 0 else signalled(step, container)


def signal_when_due(step: Step, container: ContainerState) -> ContainerState:
    """Send the stop signal to a container whose hook is over; a sidecar's waits for its turn."""
    if container.stage is not Stage.RUNNING or container.kill_at is None or container.is_signalled:
        return container
    return replace(container, is_due=True) if container.role is Role.SIDECAR else signalled(step, container)


def signalled(step: Step, container: ContainerState) -> ContainerState:
    """Send a container's stop signal."""
    step.ask(Signal(container.name))
    return replace(container, is_signalled=True, is_due=False)
