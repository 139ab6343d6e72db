"""What the rows of a generator mean: a ``Run``. Pure.

A request belongs to the run if it was due after the warm-up. Those that were answered or timed out have a latency,
from their intended start and from the actual one; the others are errors alone.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from math import ceil
from random import Random
from typing import NamedTuple

from svcbench.arrivals import Profile
from svcbench.hdrcodec import decode
from svcbench.histogram import Histogram
from svcbench.load.log import NAMES, Ended, Log, Rows
from svcbench.load.plan import Plan
from svcbench.outcomes import ANSWERED, REFUSED, TIMED_OUT
from svcbench.results import UNKNOWN_POD, GeneratorFigures, PodFigures, Run, Second

_HAVE_LATENCY = (NAMES.index(ANSWERED), NAMES.index(TIMED_OUT))
_REFUSED = NAMES.index(REFUSED)
_MOST_COUNTED = 2_000_000
"""Random arrivals that are counted; the number of more is within 0.1 % of the expected one."""
PodOf = Callable[[int], str]
"""Returns the pod of the request in a row, "" if it is not known."""


@dataclass
class _Part:
    """The requests of a second, or of a pod."""

    requests: int = 0
    errors: int = 0
    latency: Histogram = field(default_factory=Histogram)
    windows: Counter[int] = field(default_factory=Counter)
    began: array[float] = field(default_factory=lambda: array("d"))
    ended: array[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True)
class Label:
    """What a run is called: the Service, its algorithm, and the command that repeats it.

    ``weights`` are those of the pods that are to get requests, whether they get some or not.
    """

    target: str
    algorithm: str
    command: str
    weights: Mapping[str, int] = field(default_factory=dict)


def measure(log: Log, plan: Plan, pod_of: PodOf, label: Label) -> Run:
    """Return what a generator measured; ValueError unless it has ended."""
    if log.ended is None:
        message = "the generator has not ended"
        raise ValueError(message)
    rows, end = log.rows, log.ended.seconds
    measured = [row for row, due in enumerate(rows.due) if plan.warmup <= due < end]
    outcomes = Counter(rows.outcome[row] for row in measured)
    with_latency = [row for row in measured if rows.outcome[row] in _HAVE_LATENCY]
    seconds = max(0.0, end - plan.warmup)
    achieved = sum(rows.began[row] < end for row in measured) / seconds if seconds else 0.0
    return replace(
        _nothing_yet(plan, label),
        offered_rate=_offered(plan, log.ended, achieved),
        seconds=seconds,
        requests=len(measured),
        completed=outcomes[0],
        errors={log.names[number]: count for number, count in sorted(outcomes.items()) if number},
        corrected=_latencies(rows.due, rows, with_latency),
        uncorrected=_latencies(rows.began, rows, with_latency),
        seconds_series=_series(rows, measured, plan.warmup, seconds),
        pods=_pods(rows, measured, plan.warmup, _Pods(pod_of, label.weights, ceil(seconds))),
        generator=GeneratorFigures(decode(log.ended.lag).percentile(99), achieved, outcomes[_REFUSED]),
        is_partial=log.ended.is_partial,
    )


def _nothing_yet(plan: Plan, label: Label) -> Run:
    """Return a run of a plan without anything measured."""
    return Run(
        target=label.target,
        algorithm=label.algorithm,
        source="sockets",
        loop="open" if plan.schedule is not None else "closed",
        offered_rate=0.0,
        seconds=0.0,
        warmup=plan.warmup,
        seed=plan.seed,
        requests=0,
        completed=0,
        errors={},
        corrected=Histogram(),
        uncorrected=Histogram(),
        seconds_series=(),
        pods={},
        generator=GeneratorFigures(0, 0.0, 0),
        command=label.command,
    )


def _offered(plan: Plan, ended: Ended, achieved: float) -> float:
    """Return the rate that the schedule wanted; of random arrivals those that it drew, while counting is cheap."""
    schedule, end = plan.schedule, ended.seconds
    if schedule is None:
        return achieved
    mean = schedule.offered(plan.warmup, end)
    if not isinstance(schedule, Profile) or not schedule.is_poisson or mean * end > _MOST_COUNTED:
        return mean
    times = takewhile(lambda at: at < end, schedule.times(Random(plan.seed)))
    return sum(at >= plan.warmup for at in times) / (end - plan.warmup) if end > plan.warmup else 0.0


def _latencies(since: Sequence[float], rows: Rows, wanted: Iterable[int]) -> Histogram:
    ended = rows.ended
    return Histogram(round((ended[row] - since[row]) * 1e6) for row in wanted)


def _series(rows: Rows, measured: Iterable[int], warmup: float, seconds: float) -> tuple[Second, ...]:
    parts = [_Part() for _ in range(ceil(seconds))]
    for row in measured:
        _count(parts[int(rows.due[row] - warmup)], rows, row)
    return tuple(
        Second(at, each.requests, each.errors, *each.latency.percentiles((50.0, 99.0))) for at, each in enumerate(parts)
    )


def _count(part: _Part, rows: Rows, row: int) -> None:
    part.requests += 1
    part.errors += rows.outcome[row] != 0
    if rows.outcome[row] in _HAVE_LATENCY:
        part.latency.record(round((rows.ended[row] - rows.due[row]) * 1e6))


class _Pods(NamedTuple):
    of: PodOf
    weights: Mapping[str, int]
    windows: int


def _pods(rows: Rows, measured: Iterable[int], warmup: float, pods: _Pods) -> dict[str, PodFigures]:
    parts: defaultdict[str, _Part] = defaultdict(_Part, {name: _Part() for name in pods.weights})
    for row in measured:
        # What never opened has reached no pod.
        if rows.outcome[row] == _REFUSED:
            continue
        part = parts[pods.of(row) or UNKNOWN_POD]
        _count(part, rows, row)
        part.windows[int(rows.due[row] - warmup)] += 1
        part.began.append(rows.began[row])
        part.ended.append(rows.ended[row])
    return {
        name: PodFigures(
            each.requests,
            each.errors,
            peak_in_flight(each.began, each.ended),
            each.latency,
            tuple(each.windows[window] for window in range(pods.windows)),
            pods.weights.get(name, 1),
        )
        for name, each in sorted(parts.items())
    }


def peak_in_flight(began: Iterable[float], ended: Iterable[float]) -> int:
    """Return the most requests that were under way at once; one that ends when another begins is not."""
    ends, peak = sorted(ended), 0
    gone = 0
    for begun, time in enumerate(sorted(began), 1):
        while gone < len(ends) and ends[gone] <= time:
            gone += 1
        peak = max(peak, begun - gone)
    return peak
