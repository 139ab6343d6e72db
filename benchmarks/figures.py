"""What the measured numbers mean: percentiles, spread and the table. Pure.

Percentiles are those of all requests of all rounds together, never means of percentiles; a request that timed out
counts with the time it waited.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PERCENTILES = (50.0, 99.0, 99.9)


@dataclass
class Trial:
    """What the load generator saw of one balancer: of one round, or of several together.

    ``latencies`` are microseconds, ``answers`` requests per pod, ``errors`` requests per kind of failure; ``offered``
    are the requests that should have been sent, which only an open loop can miss.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    offered: int = 0
    latencies: list[int] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, other: Trial) -> None:
        """Take another round in."""
        self.seconds += other.seconds
        self.cpu_seconds += other.cpu_seconds
        self.offered += other.offered
        self.latencies += other.latencies
        self.answers += other.answers
        self.errors += other.errors

    @property
    def requests_per_second(self) -> float:
        """Answered requests per second."""
        return sum(self.answers.values()) / self.seconds if self.seconds else 0.0


def percentile(ordered: Sequence[int], percent: float) -> int:
    """Return the nearest-rank percentile of ordered values, 0 of none."""
    if not ordered:
        return 0
    rank = math.ceil(len(ordered) * percent / 100)
    return ordered[max(rank, 1) - 1]


def peak_to_mean(answers: Mapping[str, int], pods: Sequence[str]) -> float:
    """Return how much more than its fair share the busiest pod got: 1.0 is even, len(pods) is all on one."""
    counts = [answers.get(pod, 0) for pod in pods]
    return max(counts) * len(counts) / sum(counts) if any(counts) else 0.0


def summary(trial: Trial, pods: Sequence[str]) -> dict[str, Any]:
    """Return the figures of one balancer as JSON; times in milliseconds."""
    ordered = sorted(trial.latencies)
    return {
        "requestsPerSecond": round(trial.requests_per_second, 1),
        "milliseconds": {f"p{percent:g}": percentile(ordered, percent) / 1000 for percent in PERCENTILES},
        "requests": sum(trial.answers.values()),
        "offered": trial.offered,
        "errors": dict(trial.errors),
        "pods": {pod: trial.answers.get(pod, 0) for pod in pods},
        "peakToMean": round(peak_to_mean(trial.answers, pods), 3),
        "generatorCPU": round(trial.cpu_seconds / trial.seconds, 2) if trial.seconds else 0.0,
    }


HEADER = ("", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "errors", "max/mean", "requests per pod")


def table(title: str, summaries: Mapping[str, Mapping[str, Any]], slow: str) -> str:
    """Return the summaries side by side; the slow pod comes last and is marked."""
    rows = [(title, *HEADER[1:]), *(_row(name, each, slow) for name, each in summaries.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(name: str, figures: Mapping[str, Any], slow: str) -> tuple[str, ...]:
    times = [f"{figures['milliseconds'][f'p{percent:g}']:.1f}" for percent in PERCENTILES]
    fast = " ".join(str(count) for pod, count in figures["pods"].items() if pod != slow)
    return (
        name,
        f"{figures['requestsPerSecond']:.0f}",
        *times,
        str(sum(figures["errors"].values())),
        f"{figures['peakToMean']:.2f}",
        f"{fast} | slow {figures['pods'].get(slow, 0)}",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *middle, last = row
    cells = [text.rjust(width) for text, width in zip(middle, widths[1:-1], strict=True)]
    return "  ".join([first.ljust(widths[0]), *cells, last])
