"""How long a DaemonSet waits before it replaces a failed pod again: a second, doubled each time, at most 15 minutes.

Follows client-go ``util/flowcontrol/backoff.go`` with the durations of ``cmd/kube-controller-manager/app/apps.go``.
Forgets a node whose pods have not failed for a while.
"""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.objects.daemonset import DaemonSet

FIRST_SECONDS, LONGEST_SECONDS = 1.0, 15 * 60.0


class _Pause(NamedTuple):
    began: float
    seconds: float


class FailedPods:
    """The pauses of all DaemonSets and nodes."""

    def __init__(self) -> None:
        self._pauses: dict[tuple[str, int, str], _Pause] = {}

    def seconds_to_wait(self, daemon_set: DaemonSet, node: str, now: float) -> float:
        """Return how long a node's failed pod has to wait; 0 if it may go now, which makes the next pause longer."""
        key = daemon_set.obj["metadata"]["uid"], daemon_set.generation, node
        last = self._pauses.get(key)
        if last is not None and now < last.began + last.seconds:
            return last.began + last.seconds - now
        self._pauses = {each: pause for each, pause in self._pauses.items() if now < pause.began + 2 * LONGEST_SECONDS}
        is_repeated = last is not None and now < last.began + 2 * LONGEST_SECONDS
        seconds = min(2 * last.seconds, LONGEST_SECONDS) if last is not None and is_repeated else FIRST_SECONDS
        self._pauses[key] = _Pause(now, seconds)
        return 0.0
