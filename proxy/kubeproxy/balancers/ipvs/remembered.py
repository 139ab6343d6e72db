"""What ``lblc`` and ``lblcr`` remember of each destination address; bounded.

The kernel looks for old entries once a minute; here the oldest go as new ones come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

MAX_DESTINATIONS = 16_384
"""As in the kernel, which lets more in for six minutes."""
_T = TypeVar("_T")


class _Entry(NamedTuple, Generic[_T]):
    used_at: float
    held: _T


class Remembered(Generic[_T]):
    """What each destination address has, in the order of the last use; what is unused for ``seconds`` is forgotten."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._entries: dict[str, _Entry[_T]] = {}

    def get(self, destination: str) -> _T | None:
        """Return what a destination has."""
        entry = self._entries.get(destination)
        return entry.held if entry is not None else None

    def use(self, destination: str, held: _T) -> None:
        """Record that a destination has this, and uses it now."""
        now = self._clock()
        self._entries.pop(destination, None)
        self._entries[destination] = _Entry(now, held)
        while True:
            oldest, entry = next(iter(self._entries.items()))
            if len(self._entries) <= MAX_DESTINATIONS and now - entry.used_at < self._seconds:
                return
            del self._entries[oldest]
