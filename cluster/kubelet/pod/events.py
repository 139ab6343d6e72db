"""What can happen to a pod (events), and what there is to do about it (actions): the words of ``podlifecycle``."""

from __future__ import annotations

from typing import NamedTuple


class Began(NamedTuple):
    """The pod has its address: containers may start."""


class Started(NamedTuple):
    """A container's process runs (a built-in server: it also listens)."""

    name: str
    pid: int
    container_id: str


class Refused(NamedTuple):
    """A container cannot be created yet; ``reason`` ErrImagePull or CreateContainerConfigError."""

    name: str
    reason: str
    message: str


class StartFailed(NamedTuple):
    """The process could not be started (no such command, no such folder)."""

    name: str
    message: str


class Exited(NamedTuple):
    """A container's process is gone; ``message`` says more than the code, if there is more to say."""

    name: str
    exit_code: int
    signal: int
    message: str = ""


class StartupPassed(NamedTuple):
    """The startup probe has succeeded."""

    name: str


class ReadinessChanged(NamedTuple):
    """The readiness probe has a new result."""

    name: str
    is_ready: bool


class ProbeKilled(NamedTuple):
    """The ``liveness`` or ``startup`` probe has failed for good."""

    name: str
    kind: str
    grace_seconds: float | None


class PreStopFinished(NamedTuple):
    """The preStop hook of a container has ended, well or not."""

    name: str


class PostStartFailed(NamedTuple):
    """The postStart hook has failed: the container is killed and treated as failed."""

    name: str


class Deleted(NamedTuple):
    """The pod shall go within ``grace_seconds``; said again, it can only become shorter."""

    grace_seconds: float


class Ticked(NamedTuple):
    """Time has passed."""


class ConfigChanged(NamedTuple):
    """Something that refused containers wait for may be there now."""


Event = (
    Began
    | Started
    | Refused
    | StartFailed
    | Exited
    | StartupPassed
    | ReadinessChanged
    | ProbeKilled
    | PreStopFinished
    | PostStartFailed
    | Deleted
    | Ticked
    | ConfigChanged
)


class Start(NamedTuple):
    """Start the container's process."""

    name: str


class BeginProbes(NamedTuple):
    """Run the postStart hook, then the probes."""

    name: str


class EndProbes(NamedTuple):
    """Stop probing: the container is gone or will be."""

    name: str


class RunPreStop(NamedTuple):
    """Run the preStop hook and say PreStopFinished, within ``timeout`` seconds."""

    name: str
    timeout: float


class Signal(NamedTuple):
    """Send the container's stop signal."""

    name: str


class Kill(NamedTuple):
    """Send SIGKILL to all of the container."""

    name: str


class Report(NamedTuple):
    """Record an event about the pod; ``type`` is Normal or Warning."""

    type: str
    reason: str
    message: str


class Finish(NamedTuple):
    """Nothing of the pod runs any more and it is to be deleted."""


Action = Start | BeginProbes | EndProbes | RunPreStop | Signal | Kill | Report | Finish
