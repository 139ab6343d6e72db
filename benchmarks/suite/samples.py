"""What was measured, and what it means: rounds, medians and ratios. Pure.

A ratio is taken within each round, where both met the same machine, and only then summed up: its median, and the
smallest and the largest as its spread.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One trial of one peer. None is what the trial, or the peer, does not have.

    ``done`` counts units of work (requests, MiB, pairs of datagrams, queries); percentiles are microseconds;
    ``cpu_seconds`` are user and system time of the peer's processes; ``resident`` is their memory in bytes;
    ``each`` is memory in bytes per unit, where the work is to hold something.
    """

    done: float
    seconds: float
    errors: int = 0
    p50: float | None = None
    p99: float | None = None
    p999: float | None = None
    cpu_seconds: float | None = None
    resident: int | None = None
    each: float | None = None

    @property
    def rate(self) -> float | None:
        """Units per second."""
        return self.done / self.seconds if self.seconds else None

    @property
    def cpu(self) -> float | None:
        """CPU microseconds per unit."""
        return self.cpu_seconds * 1e6 / self.done if self.done and self.cpu_seconds is not None else None


FIGURES = ("rate", "p50", "p99", "p999", "cpu", "resident", "each")
"""The names of a sample's figures."""

Rounds = Mapping[str, Sequence[Sample]]
"""The samples of each peer, round by round."""


@dataclass(frozen=True)
class Ratio:
    """A figure over the reference's: median of the rounds, the smallest and the largest."""

    median: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}-{self.high:.2f}]"


def figure(samples: Sequence[Sample], name: str) -> float | None:
    """Return the median of a figure over the rounds that have it, None where none has."""
    values = [value for each in samples if (value := getattr(each, name)) is not None]
    return statistics.median(values) if values else None


def ratio(rounds: Rounds, peer: str, reference: str, name: str) -> Ratio | None:
    """Return a peer's figure over the reference's; None where one of them has no such figure, or was not there."""
    pairs = zip(rounds.get(peer, ()), rounds.get(reference, ()), strict=False)
    values = [
        mine / other for one, two in pairs if (mine := getattr(one, name)) is not None and (other := getattr(two, name))
    ]
    return Ratio(statistics.median(values), min(values), max(values), len(values)) if values else None


def document(rounds: Rounds, reference: str) -> dict[str, Any]:
    """Return the samples, medians and ratios of one work as JSON."""
    return {
        peer: {
            "median": {name: figure(samples, name) for name in FIGURES},
            "ratio": {
                name: None if (found := ratio(rounds, peer, reference, name)) is None else asdict(found)
                for name in FIGURES
            },
            "errors": sum(each.errors for each in samples),
            "rounds": [asdict(each) for each in samples],
        }
        for peer, samples in rounds.items()
    }
