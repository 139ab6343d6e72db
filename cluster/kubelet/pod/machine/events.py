"""The events and actions of a pod's state machine (``lifecycle``): what can happen to it, and what it asks for."""

from __future__ import annotations

from typing import NamedTuple

from kubelet.pod.machine.state import NOTHING, Given, Resizing


class Began(NamedTuple):
    """The pod has its address: containers may start."""


class Deleted(NamedTuple):
    """The pod has to end within ``grace_seconds``; a later event can only shorten that."""

    grace_seconds: float


class Ticked(NamedTuple):
    """Time has passed, or containers have been added."""


class ConfigChanged(NamedTuple):
    """A ConfigMap or Secret has changed: containers in CreateContainerConfigError are tried again at once."""


class Resizes(NamedTuple):
    """A resize of the pod has begun or failed, or is done: ``resizing`` is None then."""

    resizing: Resizing | None


class Defers(NamedTuple):
    """The node has no room for a resize, or, None, has made room for it."""

    deferred: Resizing | None


class Started(NamedTuple):
    """A container's process runs (a built-in server: it also listens), with the resources ``given`` to it."""

    name: str
    pid: int
    container_id: str
    given: Given = NOTHING


class Refused(NamedTuple):
    """A container cannot be created yet; ``reason`` is ErrImagePull or CreateContainerConfigError.

    ``image`` is the one that cannot be had: the container's, or that of a volume that it mounts.
    """

    name: str
    reason: str
    message: str
    image: str = ""


class StartFailed(NamedTuple):
    """The process could not be started (no such command, no such folder)."""

    name: str
    message: str


class Exited(NamedTuple):
    """A container's process has ended; ``message`` says what the exit code cannot, "" if there is nothing to add.

    ``is_out_of_memory``: the kernel has killed it, because it had used up the memory of its limit.
    """

    name: str
    exit_code: int
    signal: int
    message: str = ""
    is_out_of_memory: bool = False


class StartupPassed(NamedTuple):
    """The startup probe has succeeded."""

    name: str


class ReadinessChanged(NamedTuple):
    """The readiness probe has a new result."""

    name: str
    is_ready: bool


class ProbeKilled(NamedTuple):
    """The liveness or startup probe (``kind``) has failed for good.

    ``grace_seconds`` is the probe's own grace period, None for the pod's.
    """

    name: str
    kind: str
    grace_seconds: float | None


class PreStopFinished(NamedTuple):
    """The preStop hook of a container has ended, successfully or not."""

    name: str


class PostStartFailed(NamedTuple):
    """The postStart hook has failed: the container is killed and counts as failed."""

    name: str


class Resized(NamedTuple):
    """A running container has other resources now."""

    name: str
    given: Given


class ResizeRestart(NamedTuple):
    """A container gets other resources, for which its resizePolicy asks for a restart."""

    name: str


ContainerEvent = (
    Started
    | Refused
    | StartFailed
    | Exited
    | StartupPassed
    | ReadinessChanged
    | ProbeKilled
    | PreStopFinished
    | PostStartFailed
    | Resized
    | ResizeRestart
)
Event = Began | Deleted | Ticked | ConfigChanged | Resizes | Defers | ContainerEvent


class Start(NamedTuple):
    """Start the container's process."""

    name: str


class BeginProbes(NamedTuple):
    """Run the postStart hook, then the probes."""

    name: str


class EndProbes(NamedTuple):
    """Stop probing a container that has ended."""

    name: str


class RunPreStop(NamedTuple):
    """Run the preStop hook for at most ``timeout`` seconds; PreStopFinished is its event."""

    name: str
    timeout: float


class Signal(NamedTuple):
    """Send the container's stop signal."""

    name: str


class Kill(NamedTuple):
    """Send SIGKILL to every process of the container."""

    name: str


class Report(NamedTuple):
    """Record an event about the pod; ``type`` is Normal or Warning."""

    type: str
    reason: str
    message: str


class Finish(NamedTuple):
    """Nothing of the pod runs any more and nothing will start: write its last status."""


Action = Start | BeginProbes | EndProbes | RunPreStop | Signal | Kill | Report | Finish
