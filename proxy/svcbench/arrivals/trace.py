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

    def offered(self, after: float = 0.0) -> float:
        """Return the mean rate from ``after`` seconds to the end, per second."""
        among = bisect_left(self.recorded, self.seconds) - bisect_left(self.recorded, after)
        return among / (self.seconds - after) if self.seconds > after else 0.0

    def __str__(self) -> str:
        """Return it in the words of the command line."""
        return self.text
