"""Results and their figures as lines of text. Pure."""

from __future__ import annotations

from math import inf, isfinite
from textwrap import wrap

from svcbench.reproduce.figure import Figure, Reproduction

_WIDTH = 100
_NEXT_TO_NOTHING = 1e-6
"""A bound below it stands for "not nothing"."""


def head_lines(result: Reproduction) -> list[str]:
    """Return what is said before the figures of a result."""
    return [
        f"{result.name}  {result.title}",
        f"    {result.source}",
        *wrap(result.remark, _WIDTH, initial_indent="    ", subsequent_indent="    "),
    ]


def figure_line(figure: Figure) -> str:
    """Return one figure as a line: whether it comes out, what, its value, its band, what was published."""
    mark = "    " if not figure.has_band else "ok  " if figure.is_reproduced else "MISS"
    parts = [f"{mark} {figure.what:<62} {value_text(figure.value, figure.unit)}"]
    if figure.has_band:
        parts.append(f"[{band_text(figure)}]")
    if figure.published:
        parts.append(f"published: {figure.published}")
    return "  ".join(parts)


def band_text(figure: Figure) -> str:
    """Return the band of a figure that has one in words."""
    low, high = value_text(figure.low, figure.unit), value_text(figure.high, figure.unit)
    if figure.low == figure.high:
        return low
    if figure.high == inf:
        return f"at least {low}"
    if figure.low < _NEXT_TO_NOTHING:
        return f"above 0, at most {high}" if figure.low > 0 else f"at most {high}"
    return f"{value_text(figure.low)} to {high}"


def value_text(value: float, unit: str = "") -> str:
    """Return a number with its unit: four digits, or all before the point of a larger one."""
    if not isfinite(value):
        return str(value)
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit}".rstrip()
