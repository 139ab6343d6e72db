"""Verdicts in words: "faster by 31 % [24, 37]", or "can't tell". Pure."""

from __future__ import annotations

from svcbench.compare.comparison import ERRORS, Verdict
from svcbench.statistics.advice import SMALLEST_EFFECT
from svcbench.statistics.bootstrap import LEAST_BLOCKS


def verdict_text(verdict: Verdict) -> str:
    """Return what a verdict says, as a clause whose subject is the algorithm."""
    effect = verdict.effect
    if effect is None:
        return "can't tell: nothing was measured"
    if effect.low is None or effect.high is None:
        need = (
            f"{LEAST_BLOCKS} blocks are needed, {effect.blocks} measured"
            if effect.blocks < LEAST_BLOCKS
            else "too rare"
        )
        return f"can't tell: {need}"
    if verdict.figure == ERRORS:
        return _errors(verdict, effect.value, effect.low, effect.high)
    return _latency(verdict, effect.value, effect.low, effect.high)


def _errors(verdict: Verdict, value: float, low: float, high: float) -> str:
    points, least, most = 100 * value, 100 * low, 100 * high
    if not verdict.is_told:
        return "no errors in both" if low == high == 0 else f"can't tell [{least:+.2f}, {most:+.2f}] points"
    if value < 0:
        return f"fewer by {-points:.2f} points [{-most:.2f}, {-least:.2f}]"
    return f"more by {points:.2f} points [{least:.2f}, {most:.2f}]"


def _latency(verdict: Verdict, value: float, low: float, high: float) -> str:
    if not verdict.is_told:
        return f"can't tell [{_percent(low)}, {_percent(high)}] %{_remedy(verdict, low, high)}"
    if value < 1:
        return f"faster by {_share(1 - value)} % [{_share(1 - high)}, {_share(1 - low)}]"
    if value >= 3:
        return f"slower {value:.3g} times [{low:.3g}, {high:.3g}]"
    return f"slower by {_share(value - 1)} % [{_share(low - 1)}, {_share(high - 1)}]"


def _remedy(verdict: Verdict, low: float, high: float) -> str:
    if max(high, 1 / low if low else high) <= 1 + SMALLEST_EFFECT:
        return "; they differ by less than 5 %"
    return f"; {verdict.blocks_needed} blocks would tell 5 %" if verdict.blocks_needed else ""


def _share(value: float) -> str:
    """Return a share as a percentage that shows what an interval leaves out."""
    return f"{100 * value:.0f}" if value >= 0.1 else f"{100 * value:.2g}"


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}" if abs(ratio - 1) < 0.0995 else f"{100 * (ratio - 1):+.0f}"
