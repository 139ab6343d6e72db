"""Numbers as people read them, the same in every report. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def milliseconds(microseconds: float) -> str:
    """Return a latency in milliseconds with three significant digits, thousands apart: 0.412, 12.3, 2,000."""
    value = microseconds / 1000
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def percentage(share: float) -> str:
    """Return a share as a percentage; a small one is never 0, and nearly all never 100."""
    percent = 100 * share
    if 0 < percent < 0.01:
        return "<0.01 %"
    if 99.99 < percent < 100:
        return ">99.99 %"
    return f"{percent:.2f} %" if 0 < percent < 100 else f"{percent:.0f} %"


def probability(p: float) -> str:
    """Return a p-value."""
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def rate(value: float) -> str:
    """Return requests per second."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def seconds(value: float) -> str:
    """Return a length of time in seconds."""
    return f"{value:g} s" if value == int(value) else f"{value:.1f} s"


def cut(text: str, width: int) -> str:
    """Return a text of at most ``width`` characters; what is left out shows as dots at its end."""
    return text if len(text) <= width else text[: width - 3] + "..."


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines of a table: the first column to the left, the others to the right."""
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in range(max(map(len, rows), default=0))]
    lines = []
    for row in rows:
        others = "".join(cell.rjust(width + 2) for cell, width in zip(row[1:], widths[1:], strict=False))
        lines.append((row[0].ljust(widths[0]) + others).rstrip())
    return lines
