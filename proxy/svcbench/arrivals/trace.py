"""Arrivals at the times of a file, as they were recorded somewhere. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Trace:
    """``recorded`` times in ascending order, in seconds from the start; those from ``seconds`` on are left out."""

    recorded: Sequence[float]
    seconds: float
    text: str = ""

    def times(self, _rng: Random) -> Iterator[float]:
        """Yield the times."""
        for each in self.recorded:
            if each >= self.seconds:
                return
            yield each

    def offered(self, after: float = 0.0, until: float | None = None) -> float:
        """Return the mean rate between two times, the end unless given, per second."""
        end = self.seconds if until is None else until
        among = bisect_left(self.recorded, end) - bisect_left(self.recorded, after)
        return among / (end - after) if end > after else 0.0

    def __str__(self) -> str:
        """Return it in the words of the command line."""
        return self.text
