"""What each program cost, round by round, and how that stands to the goals. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.suite.report import number


@dataclass
class Figures:
    """Values by figure and by whose they are."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    gaps: dict[str, str] = field(default_factory=dict)
    """Why a figure is missing."""

    def add(self, name: str, peer: str, value: float) -> None:
        """Note one value."""
        self.values.setdefault(name, {}).setdefault(peer, []).append(value)

    def join(self, other: Figures) -> None:
        """Take what other works have brought."""
        self.values |= other.values
        self.gaps |= other.gaps


class Line(NamedTuple):
    """One line of the report: a figure of ours over that of a peer, and the ratio that is wanted, if any is."""

    title: str
    name: str
    unit: str
    ours: str
    peer: str
    bound: float | None = None
    is_at_least: bool = False


class Verdict(NamedTuple):
    """A line with its medians; texts, "" where nothing was measured."""

    line: Line
    ours: str
    peer: str
    ratio: float | None
    is_met: bool | None


def verdict(line: Line, figures: Figures) -> Verdict:
    """Return how a line stands: the ratio is that of the medians."""
    by_peer = figures.values.get(line.name, {})
    ours, theirs = by_peer.get(line.ours, []), by_peer.get(line.peer, [])
    ratio = statistics.median(ours) / statistics.median(theirs) if ours and theirs else None
    is_met = None
    if ratio is not None and line.bound is not None:
        is_met = ratio >= line.bound if line.is_at_least else ratio <= line.bound
    return Verdict(line, _spread(ours), _spread(theirs), ratio, is_met)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} [{number(min(values))}-{number(max(values))}]"


def table(verdicts: Sequence[Verdict], gaps: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the header and a row for each line."""
    rows: list[tuple[str, ...]] = [("", "unit", "kubesvc", "beside", "", "ratio", "wanted", "")]
    for line, ours, theirs, ratio, is_met in verdicts:
        sign = "≥" if line.is_at_least else "≤"
        wanted = "" if line.bound is None else f"{sign} {line.bound:g}"
        said = {True: "met", False: "missed", None: gaps.get(line.name, "") if ratio is None else ""}[is_met]
        rows.append(
            (line.title, line.unit, ours, line.peer, theirs, "" if ratio is None else f"{ratio:.2f}", wanted, said)
        )
    return rows
