"""The run in words: the table for a terminal, and the report in Markdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.suite.contest import Outcome
from benchmarks.suite.goals import Verdict
from benchmarks.suite.picks import PREFIX, costs_of
from benchmarks.suite.samples import Sample, figure, ratio

_HEADER = ("", "per s", "p50 µs", "p99 µs", "p99.9 µs", "CPU µs", "MiB", "errors", "CPU ratio", "rate ratio")
_MIB = 1 << 20


def rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return the header and a row for each peer of a work; one that is missing says why in the second cell."""
    work = outcome.work
    title = f"{work.title} (per {work.unit}; ratios to {work.reference})"
    return [(title, *_HEADER[1:]), *(_row(outcome, peer) for peer in work.peers)]


def _row(outcome: Outcome, peer: str) -> tuple[str, ...]:
    if peer in outcome.gaps:
        return peer, f"gap: {outcome.gaps[peer]}"
    samples = outcome.rounds[peer]
    resident = figure(samples, "resident")
    return (
        peer,
        number(figure(samples, "rate")),
        *(number(figure(samples, name)) for name in ("p50", "p99", "p999", "cpu")),
        number(None if resident is None else resident / _MIB),
        str(sum(each.errors for each in samples)),
        *(_ratio(outcome, peer, name) for name in ("cpu", "rate")),
    )


def _ratio(outcome: Outcome, peer: str, name: str) -> str:
    found = ratio(outcome.rounds, peer, outcome.work.reference, name)
    return "" if found is None or peer == outcome.work.reference else str(found)


def number(value: float | None) -> str:
    """Return three significant figures, all digits of what is larger, and "" for nothing."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def terminal(outcomes: Sequence[Outcome], alone: Mapping[str, float], verdicts: Sequence[Verdict]) -> str:
    """Return the whole run as text."""
    parts = [aligned(rows(each)) for each in outcomes]
    if others := _others(alone):
        parts.append("\n".join(f"{name:<32} {number(value)}" for name, value in others.items()))
    if costs := costs_of(alone):
        parts.append(aligned(costs))
    parts.append(aligned([("goal", "wanted", "measured", ""), *map(_verdict_row, verdicts)]))
    return "\n\n".join(parts)


def _others(alone: Mapping[str, float]) -> dict[str, float]:
    """Return the figures that have no table of their own."""
    return {name: value for name, value in alone.items() if not name.startswith(f"{PREFIX}/")}


def aligned(table: Sequence[tuple[str, ...]]) -> str:
    """Return a table for a terminal; a row with fewer cells ends in words."""
    full = [row for row in table if len(row) == len(table[0])]
    widths = [max(len(row[column]) for row in full) for column in range(len(table[0]))]
    widths[0] = max(len(row[0]) for row in table)
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *_cells(row[1:], widths[1:], is_full=len(row) == len(widths))]).rstrip()
        for row in table
    )


def _cells(cells: Sequence[str], widths: Sequence[int], *, is_full: bool) -> list[str]:
    return [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)] if is_full else list(cells)


def _verdict_row(each: Verdict) -> tuple[str, ...]:
    said = {True: "met", False: f"missed: {each.gap}", None: each.gap}[each.is_met]
    return each.goal.title, each.goal.wanted, each.measured, said if each.is_clear else f"{said} (not in all rounds)"


def markdown(
    machine: Mapping[str, str],
    settings: Mapping[str, str],
    outcomes: Sequence[Outcome],
    alone: Mapping[str, float],
    verdicts: Sequence[Verdict],
    plot: str,
) -> str:
    """Return the report; ``plot`` is the file name of the plot beside it."""
    lines = [
        "# kubesvc beside other proxies and name servers",
        "",
        "Written by `make bench`. The peers of one work were measured in turns (A B C, C B A, ...) on this machine; a",
        "ratio is taken within each round, and given as median [smallest-largest]. Compare ratios, not absolutes: load",
        "generator, proxy and backend share the processors, and so does whatever else the machine does.",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
        *(f"- {name}: {value}" for name, value in settings.items()),
        "",
        "## Goals",
        "",
        *markdown_table([("goal", "wanted", "measured", "verdict"), *map(_verdict_row, verdicts)]),
        "",
        "## Works",
        "",
        f"![CPU per unit of work]({plot})",
        "",
        "CPU is user and system time of the proxy's processes for one unit of work; MiB is their resident memory,",
        "where pages that processes share count in each (kubesvc has a second process, which starts pods).",
    ]
    for outcome in outcomes:
        table = rows(outcome)
        full = [(*row, *[""] * (len(table[0]) - len(row))) for row in table]
        full[0] = (work_peer(outcome), *full[0][1:])
        lines += ["", f"### {table[0][0]}", "", *markdown_table(full), *_idle_line(outcome)]
    if others := _others(alone):
        named = [(name, number(value)) for name, value in others.items()]
        lines += ["", "### Start and scale", "", *markdown_table([("figure", ""), *named])]
    if costs := costs_of(alone):
        lines += ["", "### A pick of each balancing algorithm", "", *markdown_table(costs)]
    return "\n".join(lines) + "\n"


def work_peer(outcome: Outcome) -> str:
    """Return the header of the peers' column."""
    return f"per {outcome.work.unit}"


def _idle_line(outcome: Outcome) -> list[str]:
    held = {peer: _each(samples) for peer, samples in outcome.rounds.items()}
    said = [f"{peer} {value}" for peer, value in held.items() if value]
    return ["", "Memory per connection: " + ", ".join(said) + "."] if said else []


def _each(samples: Sequence[Sample]) -> str:
    value = figure(samples, "each")
    return "" if value is None else f"{value / 1024:.1f} KiB ({samples[0].done:,.0f} held)"


def markdown_table(table: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a table in Markdown; its first row is the header."""
    header, *body = table
    rule = "|".join(["", "---", *["---:"] * (len(header) - 1), ""])
    return [_markdown_row(header), rule, *map(_markdown_row, body)]


def _markdown_row(row: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
