"""Charts of latency: the spectrum of percentiles, as HdrHistogram plots it, and its course over the seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10

from svcbench.histogram import Histogram
from svcbench.report.html.axes import linear, of_latencies, of_percentiles, percentile_label
from svcbench.report.html.chart import INNER_HEIGHT, INNER_WIDTH, Curve, Point, chart
from svcbench.report.html.markup import Markup
from svcbench.results import Run

_STEP = 0.01
"""A point of the spectrum for each so much of a power of ten; a curve has hundreds of buckets."""
_MOST_TWINS = 3
"""Runs whose uncorrected twins are drawn too; with more the chart would be unreadable, and the table has them all."""
_MOST_SECONDS = 360


def spectrum(runs: Mapping[str, Run]) -> Markup:
    """Return the latencies of all runs by percentile, with the uncorrected twins dotted where there are few runs."""
    curves = [Curve(label, place, spectrum_points(run.corrected)) for place, (label, run) in enumerate(runs.items())]
    if len(runs) <= _MOST_TWINS:
        curves += [
            Curve(label, place, spectrum_points(run.uncorrected), True)
            for place, (label, run) in enumerate(runs.items())
            if run.uncorrected != run.corrected
        ]
    requests = max((run.corrected.count for run in runs.values()), default=0)
    x = of_percentiles(requests, INNER_WIDTH)
    y = of_latencies([value for each in curves for _, value in each.points], INNER_HEIGHT)
    return chart("Latency by percentile", (x, y), (percentile_label, latency_label), curves)


def spectrum_points(histogram: Histogram) -> list[Point]:
    """Return points (1 / (1 - share), microseconds) of a histogram; the slowest value is at 1 / (1 / count)."""
    total, seen, shown = histogram.count, 0, -1.0
    points: list[Point] = [(1.0, float(histogram.lowest))] if total else []
    for _, high, count in histogram.buckets():
        seen += count
        inverse = total / max(1, total - seen)
        place = log10(inverse)
        if place - shown >= _STEP or seen == total:
            points.append((inverse, float(high)))
            shown = place
    return points


def over_time(runs: Mapping[str, Run]) -> Markup:
    """Return the 99th percentile of each second; the seconds of a comparison's blocks follow each other."""
    curves = [
        Curve(label, place, _thinned([(each.second + 0.5, float(each.p99)) for each in run.seconds_series]))
        for place, (label, run) in enumerate(runs.items())
    ]
    seconds = max((len(run.seconds_series) for run in runs.values()), default=0)
    y = of_latencies([value for each in curves for _, value in each.points], INNER_HEIGHT)
    return chart(
        "99th percentile in each second", (linear(seconds, INNER_WIDTH), y), (second_label, latency_label), curves
    )


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return at most ``_MOST_SECONDS`` points, of each group the slowest one: what is left out is never a peak."""
    size = -(-len(points) // _MOST_SECONDS) or 1
    return [max(points[at : at + size], key=lambda point: point[1]) for at in range(0, len(points), size)]


def latency_label(microseconds: float) -> str:
    """Return a tick of latency."""
    if microseconds >= 1_000_000:
        return f"{microseconds / 1_000_000:g} s"
    return f"{microseconds / 1000:g} ms" if microseconds >= 1000 or not microseconds else f"{microseconds:g} µs"


def second_label(second: float) -> str:
    """Return a tick of time."""
    return f"{second:g} s"
