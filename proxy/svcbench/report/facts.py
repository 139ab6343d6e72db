"""What every report says of a run, whatever it looks like: its sentence, its rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from svcbench.compare.comparison import Comparison
from svcbench.histogram import Histogram
from svcbench.report.numbers import cut, milliseconds, percentage, probability, rate, seconds
from svcbench.results import UNKNOWN_POD, PodFigures, Run
from svcbench.statistics.fairness import Spread, spread

PERCENTILES = (50.0, 90.0, 99.0, 99.9, 100.0)
LATENCY_HEADER = ("", "requests", "errors", "answers/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms")
SPREAD_HEADER = ("", "Jain", "of chance", "max/mean", "in a second", "chi-square", "p")
POD_HEADER = ("", "weight", "requests", "share", "errors", "peak", "p50 ms", "p99 ms")
MOST_LABEL = 26


def run_sentence(run: Run) -> str:
    """Return what was done, in a clause."""
    warmup = f" after {seconds(run.warmup)} of warm-up" if run.warmup else ""
    return f"{run.target}: {run.algorithm}, {_load(run)}{warmup}, seed {run.seed} ({run.source})"


def comparison_sentence(comparison: Comparison) -> str:
    """Return what was done, in a clause; of the trials of all blocks the first stands for the others."""
    blocks = f"{len(comparison.blocks)} blocks" if len(comparison.blocks) != 1 else "1 block"
    if comparison.is_partial:
        blocks += f" of {comparison.planned}"
    what = f"{len(comparison.labels)} algorithms, {blocks}"
    if not comparison.blocks:
        return f"{what}: none was finished"
    run = comparison.blocks[0][comparison.labels[0]]
    return f"{run.target}: {what} of {_load(run)} each, seed {comparison.seed} ({run.source})"


def _load(run: Run) -> str:
    load = "closed loop" if run.loop == "closed" else f"open loop at {rate(run.offered_rate)}/s"
    return f"{seconds(run.seconds)} of {load}"


def latency_rows(runs: Mapping[str, Run]) -> list[tuple[str, ...]]:
    """Return a row of ``LATENCY_HEADER`` for each run, and one for its uncorrected twin if that differs."""
    rows = []
    for label, run in runs.items():
        errors = percentage(run.error_share)
        head = (cut(label, MOST_LABEL), f"{run.requests:,}", errors, rate(run.completed_rate))
        rows.append((*head, *_latencies(run.corrected, PERCENTILES)))
        if run.uncorrected != run.corrected:
            rows.append(("  from actual start", "", "", "", *_latencies(run.uncorrected, PERCENTILES)))
    return rows


def _latencies(histogram: Histogram, percents: Sequence[float]) -> list[str]:
    """Return percentiles in milliseconds, "-" where nothing was answered."""
    if not histogram.counts:
        return ["-"] * len(percents)
    return list(map(milliseconds, histogram.percentiles(percents)))


def spread_of(run: Run) -> Spread | None:
    """Return how evenly a run was spread over its pods, None without pods."""
    pods = [pod for name, pod in run.pods.items() if name != UNKNOWN_POD]
    return spread([pod.requests for pod in pods], [pod.windows for pod in pods], [pod.weight for pod in pods])


def spread_rows(runs: Mapping[str, Run]) -> list[tuple[str, ...]]:
    """Return a row of ``SPREAD_HEADER`` for each run that knows its pods."""
    return [_spread_row(label, found) for label, run in runs.items() if (found := spread_of(run)) is not None]


def _spread_row(label: str, found: Spread) -> tuple[str, ...]:
    varies = "-" if found.variation is None else f"{100 * found.variation:.0f} %"
    p = probability(found.fit.p) if found.fit.is_valid else "too few"
    evenness = (f"{found.jain:.4f}", f"{found.jain_of_chance:.4f}", f"{found.max_over_mean:.2f}")
    return (cut(label, MOST_LABEL), *evenness, varies, f"{found.fit.statistic:.1f}", p)


def pod_rows(run: Run, most: int) -> list[tuple[str, ...]]:
    """Return a row of ``POD_HEADER`` for each pod, the busiest first; of over ``most`` the ends, and a row between."""
    total = sum(pod.requests for pod in run.pods.values())
    pods = sorted(run.pods.items(), key=lambda each: (-each[1].requests, each[0]))
    rows = [_pod_row(name, pod, total) for name, pod in pods]
    if len(rows) <= most:
        return rows
    half = most // 2
    return [*rows[:half], (f"  ({len(rows) - 2 * half} more)", *[""] * (len(POD_HEADER) - 1)), *rows[-half:]]


def _pod_row(name: str, pod: PodFigures, total: int) -> tuple[str, ...]:
    share = percentage(pod.requests / total) if total else "-"
    counts = (str(pod.weight), f"{pod.requests:,}", share, f"{pod.errors:,}", f"{pod.peak_in_flight:,}")
    return (f"  {cut(name, MOST_LABEL)}", *counts, *_latencies(pod.latency, (50.0, 99.0)))
