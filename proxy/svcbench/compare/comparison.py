"""What a comparison measured, block by block, and what may be said of it. Pure and seeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import log

from svcbench.compare.plan import Trial
from svcbench.results import Run, merged
from svcbench.statistics.advice import best_seconds, blocks_to_tell
from svcbench.statistics.bootstrap import (
    Draw,
    Estimate,
    Percentiles,
    Statistic,
    difference,
    draws,
    estimate,
    ratio,
    share,
    shared_level,
)
from svcbench.verdict import invalidities

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
"""Those that are compared; one only where ten requests of an algorithm lie beyond it."""
LEAST_BEYOND = 10
_INVALID_SHOWN = 3
INTERRUPTED = "it was interrupted"
ERRORS = "errors"
"""The figure whose effect is a difference of shares; of the others it is a ratio."""


@dataclass(frozen=True)
class Verdict:
    """One algorithm's figure against the reference's.

    ``effect`` is the ratio of a percentile, or the difference of the shares of errors, with an interval that holds
    together with those of the other algorithms; None where there is nothing to compare. ``blocks_needed`` would tell a
    difference of 5 %, None where that is not known, or as many were measured.
    """

    label: str
    reference: str
    figure: str
    effect: Estimate | None
    blocks_needed: int | None = None

    @property
    def is_told(self) -> bool:
        """Whether one is better than the other beyond doubt."""
        return self.effect is not None and self.effect.leaves_out(0.0 if self.figure == ERRORS else 1.0)


@dataclass(frozen=True)
class Comparison:
    """The runs of each block by the contender's label; ``labels`` are in the order that was asked for.

    Blocks that were not finished are left out; ``planned`` is how many there should be, ``reason`` why there are fewer.
    """

    labels: tuple[str, ...]
    blocks: tuple[Mapping[str, Run], ...]
    planned: int
    seed: int
    reason: str = ""

    @property
    def is_partial(self) -> bool:
        """Whether it ended early."""
        return len(self.blocks) < self.planned

    @cached_property
    def merged(self) -> Mapping[str, Run]:
        """All runs of each algorithm as one; empty where no block was finished."""
        return {label: merged([block[label] for block in self.blocks]) for label in self.labels if self.blocks}

    def invalidities(self) -> list[str]:
        """Return why the figures are not to be believed: the first fault of each run, of three runs."""
        runs = [(label, block[label]) for block in self.blocks for label in self.labels]
        said = [f"{label}: {wrong[0]}" for label, run in runs if (wrong := invalidities(run))]
        more = len(said) - _INVALID_SHOWN
        return said if more <= 0 else [*said[:_INVALID_SHOWN], f"and {more} more of {len(runs)} runs"]


def gathered(trials: Sequence[tuple[Trial, Run]], planned: int, seed: int, labels: Sequence[str]) -> Comparison:
    """Return the comparison that these trials make; what belongs to a block without all of them is left out."""
    blocks: dict[int, dict[str, Run]] = {}
    for trial, run in trials:
        if not run.is_partial:
            blocks.setdefault(trial.block, {})[trial.contender.label] = run
    whole = tuple(block for _, block in sorted(blocks.items()) if len(block) == len(labels))
    return Comparison(tuple(labels), whole, planned, seed)


def judge(comparison: Comparison) -> list[Verdict]:
    """Return the verdicts of all algorithms but the first against the first, algorithm by algorithm."""
    if not comparison.blocks:
        return []
    reference, *others = comparison.labels
    resamples = draws(len(comparison.blocks), comparison.seed)
    level = shared_level(len(others))
    theirs = _figures(comparison, reference)
    order = [*(f"p{percent:g}" for percent in PERCENTILES), ERRORS]
    verdicts = []
    for label in others:
        mine = _figures(comparison, label)
        both = [figure for figure in order if figure in theirs and figure in mine]
        verdicts += [_verdict(comparison, label, each, (mine[each], theirs[each]), (resamples, level)) for each in both]
    return verdicts


def _verdict(
    comparison: Comparison,
    label: str,
    figure: str,
    pair: tuple[Statistic, Statistic],
    how: tuple[Sequence[Draw], float],
) -> Verdict:
    effect = estimate((difference if figure == ERRORS else ratio)(*pair), *how)
    verdict = Verdict(label, comparison.labels[0], figure, effect)
    if effect is None or verdict.is_told or figure == ERRORS:
        return verdict
    needed = blocks_to_tell(effect) or 0
    return replace(verdict, blocks_needed=needed if needed > effect.blocks else None)


def _figures(comparison: Comparison, label: str) -> dict[str, Statistic]:
    runs = [block[label] for block in comparison.blocks]
    total = sum(run.corrected.count for run in runs)
    latencies = Percentiles([{high: values for _, high, values in run.corrected.buckets()} for run in runs])
    found: dict[str, Statistic] = {
        f"p{percent:g}": latencies.at(percent)
        for percent in PERCENTILES
        if total * (100 - percent) / 100 >= LEAST_BEYOND
    }
    found[ERRORS] = share([sum(run.errors.values()) for run in runs], [run.requests for run in runs])
    return found


def seconds_to_measure(comparison: Comparison, between: float) -> int | None:
    """Return how long a trial had best be, where one costs ``between`` seconds besides; None if that is not known.

    By the logarithms of the ratios of medians, second by second, of the pair that wants the longest trials.
    """
    reference, *others = comparison.labels
    found = [
        best_seconds([_log_ratios(block[label], block[reference]) for block in comparison.blocks], between)
        for label in others
    ]
    return max((each for each in found if each is not None), default=None)


def _log_ratios(mine: Run, other: Run) -> list[float]:
    pairs = zip(mine.seconds_series, other.seconds_series, strict=False)
    return [log(one.p50 / two.p50) for one, two in pairs if one.p50 and two.p50]
