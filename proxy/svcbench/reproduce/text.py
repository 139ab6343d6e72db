"""Results and their figures as lines of text. Pure."""

from __future__ import annotations

from math import inf
from textwrap import wrap

from svcbench.reproduce.figure import Figure, Reproduction

_WIDTH = 100


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
    parts = [f"{mark} {figure.what:<62} {value_text(figure.value)}{_unit(figure.unit)}"]
    if figure.has_band:
        parts.append(band_text(figure))
    if figure.published:
        parts.append(f"published: {figure.published}")
    if not figure.is_reproduced and figure.reason:
        parts.append(figure.reason)
    return "  ".join(parts)


def band_text(figure: Figure) -> str:
    """Return the band of a figure in words."""
    low, high = value_text(figure.low), value_text(figure.high)
    if figure.low == figure.high:
        return f"[{low}]"
    if figure.low in (-inf, 0):
        return f"[at most {high}]"
    return f"[at least {low}]" if figure.high == inf else f"[{low} to {high}]"


def value_text(value: float) -> str:
    """Return a number with four digits, or all of a larger one."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _unit(unit: str) -> str:
    return f" {unit}" if unit not in ("", "x") else unit
