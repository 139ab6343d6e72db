"""What one run measured. Sockets and simulation both make a ``Run``; statistics and reports read only that. Pure.

Latencies and lags are whole microseconds. Percentiles of several runs come from merged histograms, never from means of
percentiles. A request that was answered well or timed out is in the histograms, with the time that it waited;
one that failed otherwise is only in ``errors``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from svcbench.histogram import Histogram

UNKNOWN_POD = "unknown"
"""Stands for the pods of requests of which it is not known where they went."""

Source = Literal["sockets", "simulation"]
Loop = Literal["open", "closed"]


@dataclass(frozen=True)
class Second:
    """The requests that were due in one second of the run, counted from the end of the warm-up."""

    second: int
    requests: int
    errors: int
    p50: int
    p99: int


@dataclass(frozen=True)
class PodFigures:
    """One pod's part: requests that it got, those of them that failed, and the most that were under way at once.

    ``latency`` is corrected like that of the run; ``windows`` are the requests that it got in each second of the run.
    ``weight`` is 0 to 256: what its share should be in proportion to.
    """

    requests: int
    errors: int
    peak_in_flight: int
    latency: Histogram = field(default_factory=Histogram)
    windows: tuple[int, ...] = ()
    weight: int = 1


@dataclass(frozen=True)
class GeneratorFigures:
    """How well the generator kept its schedule; of a simulation lag 0, and the achieved rate is the offered one.

    ``lag_p99`` is how much later than scheduled it began a request, ``refused`` the connections that never opened.
    """

    lag_p99: int
    achieved_rate: float
    refused: int


@dataclass(frozen=True)
class Run:
    """One run on one Service with one algorithm, without its warm-up.

    ``offered_rate`` is the mean of what the schedule offers, per second; that of a closed loop is what it achieved.
    ``seconds`` is how long was measured, ``warmup`` how long not, before that. ``requests`` were begun, ``completed``
    answered well; ``errors`` are the others by kind. ``corrected`` latencies count from the intended start,
    ``uncorrected`` ones from the actual one. ``is_partial`` marks a run that was interrupted; ``command`` repeats it.
    """

    target: str
    algorithm: str
    source: Source
    loop: Loop
    offered_rate: float
    seconds: float
    warmup: float
    seed: int
    requests: int
    completed: int
    errors: Mapping[str, int]
    corrected: Histogram
    uncorrected: Histogram
    seconds_series: tuple[Second, ...]
    pods: Mapping[str, PodFigures]
    generator: GeneratorFigures
    is_partial: bool = False
    command: str = ""

    @property
    def error_share(self) -> float:
        """Failed requests of all, 0 to 1."""
        return sum(self.errors.values()) / self.requests if self.requests else 0.0

    @property
    def completed_rate(self) -> float:
        """Well answered requests per second."""
        return self.completed / self.seconds if self.seconds else 0.0


def merged(runs: Sequence[Run]) -> Run:
    """Return several runs of one target and algorithm as one: histograms and counts are added, rates are means by time.

    The seconds come one after the other; the lag is the largest. ValueError without runs.
    """
    if not runs:
        message = "no runs to merge"
        raise ValueError(message)
    return replace(
        runs[0],
        seconds=sum(each.seconds for each in runs),
        offered_rate=_mean([each.offered_rate for each in runs], runs),
        requests=sum(each.requests for each in runs),
        completed=sum(each.completed for each in runs),
        errors=sum((Counter(each.errors) for each in runs), Counter[str]()),
        corrected=merged_histogram(each.corrected for each in runs),
        uncorrected=merged_histogram(each.uncorrected for each in runs),
        seconds_series=_merged_seconds(runs),
        pods=_merged_pods(runs),
        generator=GeneratorFigures(
            max(each.generator.lag_p99 for each in runs),
            _mean([each.generator.achieved_rate for each in runs], runs),
            sum(each.generator.refused for each in runs),
        ),
        is_partial=any(each.is_partial for each in runs),
    )


def _mean(rates: Sequence[float], runs: Sequence[Run]) -> float:
    seconds = sum(each.seconds for each in runs)
    return sum(rate * run.seconds for rate, run in zip(rates, runs, strict=True)) / seconds if seconds else 0.0


def _merged_seconds(runs: Sequence[Run]) -> tuple[Second, ...]:
    series = [each for run in runs for each in run.seconds_series]
    return tuple(replace(each, second=at) for at, each in enumerate(series))


def merged_histogram(histograms: Iterable[Histogram]) -> Histogram:
    """Return a new histogram with the values of all."""
    made = Histogram()
    for each in histograms:
        made.add(each)
    return made


def _merged_pods(runs: Sequence[Run]) -> dict[str, PodFigures]:
    made = {}
    for name in dict.fromkeys(name for run in runs for name in run.pods):
        parts = [run.pods[name] if name in run.pods else _absent(run) for run in runs]
        made[name] = PodFigures(
            sum(each.requests for each in parts),
            sum(each.errors for each in parts),
            max(each.peak_in_flight for each in parts),
            merged_histogram(each.latency for each in parts),
            tuple(count for each in parts for count in each.windows),
            next(run.pods[name].weight for run in runs if name in run.pods),
        )
    return made


def _absent(run: Run) -> PodFigures:
    """Return the figures of a pod that was not there in a run, so that windows keep their place."""
    return PodFigures(0, 0, 0, Histogram(), (0,) * len(run.seconds_series))
