"""A run in the two text formats of HdrHistogram's tools. Pure.

The log (``.hlog``, format version 1.3) is lossless and merges; the percentile distribution (``.hgrm``) is what
hdrhistogram.github.io plots. Values are microseconds in the log and milliseconds in the distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, log2

from svcbench.hdrcodec import encode
from svcbench.histogram import Histogram
from svcbench.results import Run

_TICKS_PER_HALF_DISTANCE = 5
_HEADER = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def hdr_log(run: Run) -> str:
    """Return a log of two intervals, tagged corrected and uncorrected, and one for each pod."""
    lines = ["#[Histogram log format version 1.3]", f"#[{_comment(run.command or run.target)}]", _HEADER]
    tagged = {"corrected": run.corrected, "uncorrected": run.uncorrected}
    tagged |= {f"pod:{name}": each.latency for name, each in run.pods.items()}
    for tag, histogram in tagged.items():
        peak = histogram.highest / 1000
        lines.append(f"Tag={_tag(tag)},{run.warmup:.3f},{run.seconds:.3f},{peak:.3f},{encode(histogram)}")
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    return " ".join(text.split())


def _tag(text: str) -> str:
    """Return a text as a tag, which ends at a comma or blank."""
    return "".join("_" if each in ", \t\r\n" else each for each in text)


def percentile_distribution(histogram: Histogram) -> str:
    """Return the table that HistogramLogProcessor and wrk2 print, of milliseconds."""
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for value, share, count in _steps(histogram):
        times = f" {1 / (1 - share):14.2f}" if share < 1 else ""
        lines.append(f"{value / 1000:12.3f} {share:2.12f} {count:10d}{times}")
    lines += [
        f"#[Mean    = {histogram.mean / 1000:12.3f}, StdDeviation   = {histogram.deviation / 1000:12.3f}]",
        f"#[Max     = {histogram.highest / 1000:12.3f}, Total count    = {histogram.count:12d}]",
    ]
    return "\n".join(lines) + "\n"


def _steps(histogram: Histogram) -> Iterator[tuple[int, float, int]]:
    """Yield value, share of values up to it and their number, closer together towards the top."""
    total, seen, wanted = histogram.count, 0, 0.0
    for _, high, count in histogram.buckets():
        seen += count
        share = seen / total
        while wanted <= share < 1:
            yield high, max(wanted, 0.0), seen
            halvings = floor(log2(1 / (1 - wanted))) + 1
            wanted += 1 / (_TICKS_PER_HALF_DISTANCE * 2**halvings)
    if total:
        yield histogram.highest, 1.0, total
