"""What a run under way looks like so far. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from svcbench.histogram import Histogram
from svcbench.load.log import NAMES, Log, Rows
from svcbench.load.plan import Plan
from svcbench.outcomes import TIMED_OUT

_WINDOW = 1.0
"""Seconds over which the present rate is taken."""
_HAVE_LATENCY = (0, NAMES.index(TIMED_OUT))


class Sight(NamedTuple):
    """A moment of a run: seconds of it and of all, requests per second now, corrected percentiles in microseconds."""

    elapsed: float
    seconds: float
    is_warming_up: bool
    requests: int
    errors: int
    rate: float
    p50: int
    p99: int
    p999: int
    pods: Mapping[str, int]


class Progress:
    """Learns rows as they come. Percentiles and counts are without the warm-up."""

    def __init__(self, plan: Plan, pods: Mapping[str, str]) -> None:
        self._plan = plan
        self._pods = pods
        self._latencies = Histogram()
        self._requests = self._errors = 0
        self._ended: deque[float] = deque()
        self._latest = 0.0
        self._behind = inf
        self._by_pod: Counter[int] = Counter()

    def add(self, rows: Rows) -> None:
        """Learn new rows."""
        self._ended.extend(rows.ended)
        self._latest = max(rows.ended, default=self._latest)
        warmup = self._plan.warmup
        for due, ended, outcome, pod in zip(rows.due, rows.ended, rows.outcome, rows.pod, strict=True):
            if due < warmup:
                continue
            self._requests += 1
            self._errors += outcome != 0
            self._by_pod[pod] += 1
            if outcome in _HAVE_LATENCY:
                self._latencies.record(round((ended - due) * 1e6))

    def sight(self, log: Log, now: float) -> Sight:
        """Return what there is ``now``, in seconds of any clock; names of pods are those of the log."""
        # The generator's own start is not known here: at the earliest arrival of an answer it was not later.
        if self._requests or self._ended:
            self._behind = min(self._behind, now - self._latest)
        elapsed = max(self._latest, now - self._behind)
        while self._ended and self._ended[0] < elapsed - _WINDOW:
            self._ended.popleft()
        named = {log.names[number]: count for number, count in self._by_pod.items() if number}
        p50, p99, p999 = self._latencies.percentiles((50.0, 99.0, 99.9))
        return Sight(
            min(elapsed, self._plan.seconds),
            self._plan.seconds,
            elapsed < self._plan.warmup,
            self._requests,
            self._errors,
            len(self._ended) / min(_WINDOW, elapsed) if elapsed > 0 else 0.0,
            p50,
            p99,
            p999,
            {self._pods.get(name, name): named[name] for name in sorted(named)},
        )


def sight_line(sight: Sight) -> str:
    """Return one line, for logs."""
    times = "  ".join(f"{name} {value / 1000:.2f} ms" for name, value in (("p50", sight.p50), ("p99", sight.p99)))
    state = "warming up" if sight.is_warming_up else times
    return (
        f"{sight.elapsed:5.1f} s of {sight.seconds:g} s  {sight.rate:7.0f} requests/s  {state}  errors {sight.errors}"
    )
