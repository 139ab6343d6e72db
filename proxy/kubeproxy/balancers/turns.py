"""The position of a rotation, of one process or of several that balance as one."""

from __future__ import annotations

from typing import Protocol


class Turns(Protocol):
    """The position of a rotation: how many turns all processes of the proxy have taken on it."""

    def taken(self) -> int:
        """Return how many turns were taken, from 0 on."""
        ...

    def take(self, count: int) -> None:
        """Move on by ``count``."""
        ...


class OwnTurns:
    """The position of a rotation that only one process uses."""

    def __init__(self) -> None:
        self._taken = 0

    def taken(self) -> int:
        """Return how many turns were taken."""
        return self._taken

    def take(self, count: int) -> None:
        """Move on by ``count``."""
        self._taken += count
