"""When the rules may be synced again: at once after a quiet time, else after a pause. Pure.

As kube-proxy's bounded frequency runner with its burst (``pkg/proxy/runner``): a change of a Service comes with one of
its endpoints, and neither is to wait.
"""

from __future__ import annotations

BURST = 4
"""Syncs that need not wait for each other after a quiet time."""


class Pace:
    """A token bucket; one token comes in every ``seconds``, 0 for no limit. Times are of one clock, in seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._full_at = float("-inf")

    def due_at(self) -> float:
        """Return when the next sync may be, which may be in the past."""
        return self._full_at - (BURST - 1) * self._seconds

    def spend(self, now: float) -> None:
        """Note a sync."""
        self._full_at = max(self._full_at, now) + self._seconds
