"""What a Pod's status says of one container."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import Reading


class ContainerStatus(Reading):
    """One entry of status.containerStatuses, or of the init or ephemeral containers' list; read when it is asked for.

    The states are JSON: ``waiting`` has reason and message, ``terminated`` also exitCode, signal and times.
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """The container's name; KeyError if a client left it out."""
        return str(self.obj["name"])

    @property
    def image(self) -> str:
        """The image as the pod names it."""
        return self.obj.get("image") or ""

    @property
    def is_ready(self) -> bool:
        """Whether it passes its readiness probe; of an init container: whether it has succeeded."""
        return bool(self.obj.get("ready"))

    @property
    def is_started(self) -> bool:
        """Whether it runs and its startup probe has passed."""
        return bool(self.obj.get("started"))

    @property
    def restart_count(self) -> int:
        """How often it was restarted."""
        return self.obj.get("restartCount") or 0

    @property
    def waiting(self) -> JSON | None:
        """The state of a container that waits to be started; None in another state."""
        return self._state("waiting")

    @property
    def running(self) -> JSON | None:
        """The state of a container that runs; None in another state."""
        return self._state("running")

    @property
    def terminated(self) -> JSON | None:
        """The state of a container that has ended; None in another state."""
        return self._state("terminated")

    @property
    def last_terminated(self) -> JSON | None:
        """How its run before the present one ended; None before its first restart."""
        state = self.obj.get("lastState")
        return state.get("terminated") if state else None

    @property
    def latest_end(self) -> JSON | None:
        """How it ended last, now or before its last restart; None if it has never ended."""
        ended = self.terminated
        return self.last_terminated if ended is None else ended

    @property
    def has_failed(self) -> bool:
        """Whether it has ended with another exit code than 0, and not been restarted."""
        ended = self.terminated
        return ended is not None and bool(ended.get("exitCode"))

    @property
    def has_succeeded(self) -> bool:
        """Whether it has ended with exit code 0."""
        ended = self.terminated
        return ended is not None and not ended.get("exitCode")

    @property
    def reason(self) -> str:
        """Why it does not run, "" if it does: CrashLoopBackOff, Error, Completed, Signal:9, ExitCode:3 ..."""
        state = self.obj.get("state")
        if not state:
            return ""
        if (waiting := state.get("waiting")) and waiting.get("reason"):
            return str(waiting["reason"])
        ended = state.get("terminated")
        return end_reason(ended) if ended is not None else ""

    def _state(self, name: str) -> JSON | None:
        state = self.obj.get("state")
        return state.get(name) if state else None


def end_reason(terminated: JSON) -> str:
    """Return the one name of how a container ended: its reason, else ``Signal:9`` or ``ExitCode:3`` (printPod)."""
    if terminated.get("reason"):
        return str(terminated["reason"])
    signal = terminated.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{terminated.get('exitCode', 0)}"
