"""Reports as plain text, at most 100 columns wide. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from svcbench.compare.comparison import Comparison, Verdict, seconds_to_measure
from svcbench.compare.wording import verdict_text
from svcbench.report import facts
from svcbench.report.numbers import aligned, cut
from svcbench.results import Run
from svcbench.verdict import invalidities

WIDTH = 100
_PODS = 8
_PODS_OF_MANY = 4
"""Pods that are listed of one run, and of each of several."""


def run_text(run: Run) -> str:
    """Return the report of one run, with a line break at its end."""
    lines = [facts.run_sentence(run), *_invalid(invalidities(run)), "", *_latencies({run.algorithm: run})]
    lines += [f"errors: {', '.join(f'{count:,} {kind}' for kind, count in run.errors.items())}"] if run.errors else []
    return _joined([*lines, "", *_pods({run.algorithm: run}, _PODS)])


def comparison_text(comparison: Comparison, verdicts: Sequence[Verdict], between: float | None) -> str:
    """Return the report of a comparison; a trial cost ``between`` seconds besides its measurement.

    None is what costs nothing besides, a simulation.
    """
    lines = [facts.comparison_sentence(comparison), *_invalid(comparison.invalidities()), ""]
    if comparison.reason:
        lines += [f"Ended early: {comparison.reason}", ""]
    if not comparison.blocks:
        return _joined(lines)
    lines += [*_latencies(comparison.merged), ""]
    for label, group in groupby(verdicts, lambda each: each.label):
        lines += _verdicts(label, list(group))
    lines += [*_advice(comparison, between), "", *_pods(comparison.merged, _PODS_OF_MANY)]
    return _joined(lines)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


def _invalid(faults: Sequence[str]) -> list[str]:
    return ["", "INVALID, these figures are not to be believed:", *(f"  {each}" for each in faults)] if faults else []


def _latencies(runs: Mapping[str, Run]) -> list[str]:
    return aligned([facts.LATENCY_HEADER, *facts.latency_rows(runs)])


def _verdicts(label: str, verdicts: Sequence[Verdict]) -> list[str]:
    first = verdicts[0]
    return [
        f"{label} against {first.reference}",
        *(f"  {each.figure:<8}{verdict_text(each)}" for each in verdicts),
    ]


def _advice(comparison: Comparison, between: float | None) -> list[str]:
    best = None if between is None else seconds_to_measure(comparison, between)
    run = comparison.blocks[0][comparison.labels[0]]
    if best is None or 0.5 * run.seconds <= best <= 2 * run.seconds:
        return []
    return [f"Trials of {best} s instead of {run.seconds:g} s would be surer in the same whole time."]


def _pods(runs: Mapping[str, Run], most: int) -> list[str]:
    rows = facts.spread_rows(runs)
    if not rows:
        return ["no pods are known"]
    lines = aligned([facts.SPREAD_HEADER, *rows])
    for label, run in runs.items():
        header = (cut(label, facts.MOST_LABEL), *facts.POD_HEADER[1:])
        lines += ["", *aligned([header, *facts.pod_rows(run, most)])]
    return lines
