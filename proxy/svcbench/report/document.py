"""A comparison as a JSON document. Pure.

``format`` names the schema, which proxy/bench.md describes; ``blocks`` holds every run lossless, so that
verdicts can be computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from svcbench.compare.comparison import Comparison, Verdict
from svcbench.compare.wording import verdict_text
from svcbench.document import run_document
from svcbench.report.facts import spread_of
from svcbench.results import Run

FORMAT = "kubesvc.dev/bench-comparison/v1"


def comparison_document(comparison: Comparison, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return a comparison with its verdicts as JSON."""
    return {
        "format": FORMAT,
        "algorithms": list(comparison.labels),
        "reference": comparison.labels[0],
        "seed": comparison.seed,
        "plannedBlocks": comparison.planned,
        "partial": comparison.is_partial,
        "reason": comparison.reason,
        "invalid": comparison.invalidities(),
        "verdicts": [_verdict(each) for each in verdicts],
        "spread": {label: _spread(run) for label, run in comparison.merged.items()},
        "blocks": [{label: run_document(run) for label, run in block.items()} for block in comparison.blocks],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    effect = verdict.effect
    return {
        "algorithm": verdict.label,
        "figure": verdict.figure,
        "told": verdict.is_told,
        "says": verdict_text(verdict),
        "effect": None if effect is None else effect.value,
        "low": None if effect is None else effect.low,
        "high": None if effect is None else effect.high,
        "level": None if effect is None else effect.level,
        "blocksNeeded": verdict.blocks_needed,
    }


def _spread(run: Run) -> dict[str, Any] | None:
    found = spread_of(run)
    if found is None:
        return None
    return {
        "jain": found.jain,
        "jainOfChance": found.jain_of_chance,
        "maxOverMean": found.max_over_mean,
        "variationInASecond": found.variation,
        "chiSquare": {"statistic": found.fit.statistic, "freedom": found.fit.freedom, "p": found.fit.p},
    }
