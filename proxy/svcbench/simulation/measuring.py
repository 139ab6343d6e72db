"""Makes a ``Run`` of what became of simulated requests."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from math import ceil

from svcbench.histogram import Histogram, places_of
from svcbench.outcomes import TIMED_OUT
from svcbench.results import GeneratorFigures, PodFigures, Run, Second
from svcbench.simulation.engine import Engine
from svcbench.simulation.scenario import Scenario
from svcbench.statistics.ranks import nearest_rank


def simulate(scenario: Scenario) -> Run:
    """Return what a scenario measures."""
    measured = _Measured(scenario, Engine(scenario))
    requests, errors = len(measured.numbers), Counter(measured.errors.values())
    seconds = scenario.schedule.seconds - scenario.warmup
    rate = requests / seconds if scenario.is_closed else scenario.schedule.offered(scenario.warmup)
    return Run(
        target=scenario.target,
        algorithm=scenario.algorithm,
        source="simulation",
        loop="closed" if scenario.is_closed else "open",
        offered_rate=rate,
        seconds=seconds,
        warmup=scenario.warmup,
        seed=scenario.seed,
        requests=requests,
        completed=requests - errors.total(),
        errors=errors,
        corrected=measured.corrected,
        uncorrected=measured.uncorrected(),
        seconds_series=measured.series(),
        pods=measured.pods(),
        generator=GeneratorFigures(0, rate, 0),
        command=scenario.command,
    )


class _Measured:
    """The requests that were due after the warm-up: ``numbers``; latencies are whole microseconds."""

    def __init__(self, scenario: Scenario, engine: Engine) -> None:
        self._requests = requests = engine.run()
        self._names = [each.name for each in scenario.pods]
        self._weights = [pod.weight for pod in scenario.pods]
        self._peaks = engine.peaks
        windows = ceil(scenario.schedule.seconds - scenario.warmup)
        bounds = [bisect_left(requests.due, scenario.warmup + each) for each in range(windows)]
        self._bounds = [*bounds, len(requests.due)]
        """The numbers of the requests with which seconds begin, and where the last one ends."""
        self.numbers = range(self._bounds[0], self._bounds[-1])
        self.errors = {number: each for number, each in requests.errors.items() if number >= self.numbers.start}
        self._unanswered = {number for number, each in self.errors.items() if each != TIMED_OUT}

    @cached_property
    def _latency(self) -> list[int]:
        return _microseconds(self._requests.due, self._requests.ended)

    @cached_property
    def _places(self) -> list[int]:
        """The place in a histogram of each latency."""
        return places_of(self._latency)

    @cached_property
    def corrected(self) -> Histogram:
        """The latencies from when the requests were due, of those that were answered well or timed out."""
        return Histogram.from_counts(Counter(self._answered(self._places, self.numbers)))

    def uncorrected(self) -> Histogram:
        """Return the latencies from when the requests began."""
        requests = self._requests
        if requests.begun is requests.due:
            return self.corrected
        places = places_of(_microseconds(requests.begun, requests.ended))
        return Histogram.from_counts(Counter(self._answered(places, self.numbers)))

    def series(self) -> tuple[Second, ...]:
        """Return the figures of each second."""
        failed = sorted(self.errors)
        seconds = []
        for second, (first, end) in enumerate(pairwise(self._bounds)):
            latencies = sorted(self._answered(self._latency, range(first, end)))
            errors = bisect_left(failed, end) - bisect_left(failed, first)
            p50, p99 = nearest_rank(latencies, 50), nearest_rank(latencies, 99)
            seconds.append(Second(second, end - first, errors, p50, p99))
        return tuple(seconds)

    def pods(self) -> dict[str, PodFigures]:
        """Return the figures of each pod."""
        numbers: list[list[int]] = [[] for _ in self._names]
        append = [each.append for each in numbers]
        chosen = self._requests.chosen
        for number in self.numbers:
            backend = chosen[number]
            if backend is not None:
                append[backend.number](number)
        return {name: self._pod(at, numbers[at]) for at, name in enumerate(self._names)}

    def _pod(self, at: int, numbers: Sequence[int]) -> PodFigures:
        counts = [bisect_left(numbers, each) for each in self._bounds]
        return PodFigures(
            requests=len(numbers),
            errors=sum(each in self.errors for each in numbers) if self.errors else 0,
            peak_in_flight=self._peaks[at],
            latency=Histogram.from_counts(Counter(self._answered(self._places, numbers))),
            windows=tuple(end - first for first, end in pairwise(counts)),
            weight=self._weights[at],
        )

    def _answered(self, latency: Sequence[int], numbers: Sequence[int]) -> Sequence[int]:
        if self._unanswered:
            return [latency[each] for each in numbers if each not in self._unanswered]
        if isinstance(numbers, range):
            return latency[numbers.start : numbers.stop]
        return [latency[each] for each in numbers]


def _microseconds(begins: Sequence[float], ends: Sequence[float]) -> list[int]:
    return [int((end - begin) * 1_000_000 + 0.5) for begin, end in zip(begins, ends, strict=True)]
