"""The plot: for each work a group of bars, CPU per unit of work over the reference's. SVG as text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.suite.contest import Outcome
from benchmarks.suite.samples import Ratio, ratio

_WIDTH = 860
_LEFT = 250
_BAR = 16
_GROUP_GAP = 34
_LONGEST = 4.0
"""Ratios beyond are cut off, and their number says how long the bar would be."""
_SCALE = (_WIDTH - _LEFT - 150) / _LONGEST
_COLOURS = {"kubesvc": "#2b6cb0"}
_OTHER = "#a0aec0"


def svg(outcomes: Sequence[Outcome]) -> str:
    """Return the plot; whiskers are the smallest and the largest ratio of the rounds."""
    parts: list[str] = []
    y = 40
    for outcome in outcomes:
        bars = _bars(outcome)
        if bars:
            parts.append(_text(10, y, f"{outcome.work.title}, over {outcome.work.reference}", "bold"))
            for row, (peer, found) in enumerate(bars):
                parts += _bar(peer, found, y + 8 + row * (_BAR + 4))
            y += len(bars) * (_BAR + 4) + _GROUP_GAP
    one = _LEFT + _SCALE
    line = f'<line x1="{one:.0f}" y1="26" x2="{one:.0f}" y2="{y - 20}" stroke="#c53030" stroke-dasharray="4 3"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(
            [_text(10, 18, "CPU per unit of work over the reference's; shorter is better", "bold"), *parts, line]
        )
        + "\n</svg>\n"
    )


def _bars(outcome: Outcome) -> list[tuple[str, Ratio]]:
    found = [(peer, ratio(outcome.rounds, peer, outcome.work.reference, "cpu")) for peer in outcome.work.peers]
    return [(peer, each) for peer, each in found if each is not None]


def _bar(peer: str, found: Ratio, y: int) -> list[str]:
    length, low, high = (min(value, _LONGEST) * _SCALE for value in (found.median, found.low, found.high))
    middle = y + _BAR / 2
    return [
        _text(30, y + 12, peer),
        f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{_COLOURS.get(peer, _OTHER)}"/>',
        f'<line x1="{_LEFT + low:.1f}" y1="{middle}" x2="{_LEFT + high:.1f}" y2="{middle}" stroke="#1a202c"/>',
        _text(_LEFT + max(length, high) + 6, y + 12, f"{found.median:.2f}"),
    ]


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}">{escape(text)}</text>'
