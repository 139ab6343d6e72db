"""Runs for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence

from svcbench.histogram import Histogram
from svcbench.results import GeneratorFigures, Run


def run_of(latencies: Sequence[int], algorithm: str = "rr") -> Run:
    """Return a valid run of a second with these latencies, in microseconds."""
    count = len(latencies)
    return Run(
        target="svc/web",
        algorithm=algorithm,
        source="sockets",
        loop="open",
        offered_rate=float(count),
        seconds=1.0,
        warmup=0.0,
        seed=1,
        requests=count,
        completed=count,
        errors={},
        corrected=Histogram(latencies),
        uncorrected=Histogram(latencies),
        seconds_series=(),
        pods={},
        generator=GeneratorFigures(0, float(count), 0),
    )
