"""How long to wait before an API server is asked again. Pure.

The values are those of client-go's reflector (``tools/cache/reflector.go``: 0.8 s to 30 s, factor 2, jitter 1, reset
after 2 minutes): many clients of a server that comes back do not ask it in the same moment.
"""

from __future__ import annotations

from random import Random

FIRST_SECONDS = 0.8
LONGEST_SECONDS = 30.0
FACTOR = 2.0
RESET_SECONDS = 120.0


class Backoff:
    """The pauses of one loop. ``next`` is asked after every failure."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._seconds = FIRST_SECONDS
        self._asked_at: float | None = None

    def next(self, now: float, retry_after: float = 0.0) -> float:
        """Return the pause in seconds; at least ``retry_after``, which the server has asked for."""
        if self._asked_at is not None and now - self._asked_at > RESET_SECONDS:
            self._seconds = FIRST_SECONDS
        self._asked_at = now
        pause = self._seconds * (1.0 + self._rng.random())
        self._seconds = min(self._seconds * FACTOR, LONGEST_SECONDS)
        return max(pause, retry_after)
