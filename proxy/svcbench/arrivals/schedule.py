"""What every schedule of arrivals provides. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Protocol


class Schedule(Protocol):
    """When requests are due, in seconds from the start; a warm-up is part of it.

    ``seconds`` is how long it lasts.
    """

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        ...

    def times(self, rng: Random) -> Iterator[float]:
        """Yield the times in ascending order, each before ``seconds``; the same ones for generators of one seed."""
        ...

    def offered(self, after: float = 0.0, until: float | None = None) -> float:
        """Return the mean rate between two times, the end unless given, per second."""
        ...

    def __str__(self) -> str:
        """Return it in the words of the command line."""
        ...
