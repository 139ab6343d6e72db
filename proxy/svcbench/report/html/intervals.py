"""The verdicts as a chart: each algorithm's interval beside the line of the reference. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from svcbench.compare.comparison import ERRORS, Verdict
from svcbench.report.html.axes import Axis, logarithmic
from svcbench.report.html.markup import Markup, element, joined
from svcbench.report.numbers import cut
from svcbench.statistics.bootstrap import Estimate

_NAME_WIDTH, _PLOT_WIDTH, _MARGIN, _ROW, _TOP = 200, 320, 30, 24, 24
_WIDTH = _NAME_WIDTH + _PLOT_WIDTH + _MARGIN
_LEAST, _MOST = 0.02, 50.0
"""Ratios beyond are drawn at the edge; the table has them."""


def intervals(verdicts: Sequence[Verdict]) -> Markup:
    """Return a row for each verdict on a latency: left of the line is faster than the reference."""
    shown = [(each, each.effect) for each in verdicts if each.figure != ERRORS and each.effect is not None]
    ends = [end for _, effect in shown for end in (effect.low or effect.value, effect.high or effect.value)]
    axis = logarithmic(max(_LEAST, min([0.5, *ends])), min(_MOST, max([2.0, *ends])), _PLOT_WIDTH)
    height = _TOP + _ROW * len(shown) + 4
    one = _NAME_WIDTH + axis.at(1.0)
    parts = [
        *(_tick(axis, each, height) for each in axis.ticks),
        element("line", x1=one, y1=_TOP - 4.0, x2=one, y2=float(height), class_="fair"),
        *(_row(row, verdict, effect, axis) for row, (verdict, effect) in enumerate(shown)),
    ]
    drawing = element("svg", joined(parts), viewBox=f"0 0 {_WIDTH} {height}", role="img", class_="bars narrow")
    return element("div", drawing, class_="wide")


def _tick(axis: Axis, value: float, height: float) -> Markup:
    at = _NAME_WIDTH + axis.at(value)
    return joined(
        [
            element("text", f"x {value:g}", x=at, y=14.0, text_anchor="middle"),
            element("line", x1=at, y1=_TOP - 4.0, x2=at, y2=height, class_="grid"),
        ]
    )


def _row(row: int, verdict: Verdict, effect: Estimate, axis: Axis) -> Markup:
    middle = _TOP + _ROW * row + _ROW / 2
    low, value, high = (_NAME_WIDTH + axis.at(each or effect.value) for each in (effect.low, effect.value, effect.high))
    kind = "unsure" if not verdict.is_told else "better" if effect.value < 1 else "worse"
    name = f"{cut(verdict.label, 24)} {verdict.figure}"
    parts = [
        element("text", name, x=_NAME_WIDTH - 8.0, y=middle + 4, text_anchor="end"),
        element("line", x1=low, y1=middle, x2=high, y2=middle, class_=f"interval {kind}"),
        element("circle", cx=value, cy=middle, r=4.0, class_=kind),
    ]
    return joined(parts)
