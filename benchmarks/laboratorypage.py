"""The page of published results: what was published, what simulation gives, what sockets give. Markdown. Pure.

A figure that misses its band says so; nothing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from svcbench.reproduce.figure import Figure, Reproduction
from svcbench.reproduce.text import band_text, value_text

_NONE = "-"


class Reproduced(NamedTuple):
    """One published result, with the figures of the simulation and those of sockets, which may be fewer, or none."""

    reproduction: Reproduction
    simulation: Sequence[Figure]
    sockets: Sequence[Figure] = ()


def laboratory(results: Sequence[Reproduced], told: Mapping[str, str]) -> str:
    """Return the page; ``told`` is what to know of the run: machine, versions, date."""
    parts = [
        "# The balancing laboratory: published results, and what comes out here\n",
        "Made by `python -m benchmarks.laboratory`; do not edit. A band comes from the publication, from theory, or "
        "from the source of the program whose rule is followed, never from what a run gave. Simulation and sockets "
        "choose with the same code.\n",
        *(f"- {name}: {value}" for name, value in told.items()),
        "",
        *_summary(results),
        *(line for each in results for line in _section(each)),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _summary(results: Sequence[Reproduced]) -> list[str]:
    figures = [(each, figure) for each in results for figure in (*each.simulation, *each.sockets) if figure.has_band]
    missed = [(each, figure) for each, figure in figures if not figure.is_reproduced]
    lines = [f"{len(figures) - len(missed)} of {len(figures)} figures with a band are in it.\n"]
    if missed:
        lines += [
            "Missed:\n",
            *(f"- {each.reproduction.name}, {_escaped(_miss(figure))}" for each, figure in missed),
            "",
        ]
    return lines


def _miss(figure: Figure) -> str:
    return f"{figure.what}: {value_text(figure.value, figure.unit)}, want {_band(figure)}"


def _section(result: Reproduced) -> list[str]:
    reproduction, sockets = result.reproduction, {figure.what: figure for figure in result.sockets}
    simulated = {figure.what: figure for figure in result.simulation}
    rows = [_row(name, simulated.get(name), sockets.get(name)) for name in dict.fromkeys((*simulated, *sockets))]
    remark = [f"{reproduction.remark}\n"] if reproduction.remark else []
    return [
        f"## {reproduction.name}: {reproduction.title}\n",
        f"{reproduction.source}.\n",
        *remark,
        "| figure | published | band | simulation | sockets |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _row(name: str, simulated: Figure | None, measured: Figure | None) -> str:
    known = simulated or measured
    assert known is not None
    cells = (name, known.published or _NONE, _band(known), _cell(simulated), _cell(measured))
    return f"| {' | '.join(map(_escaped, cells))} |"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return _NONE
    value = value_text(figure.value, figure.unit)
    return value if figure.is_reproduced else f"**{value}** missed"


def _band(figure: Figure) -> str:
    return band_text(figure) if figure.has_band else _NONE


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|").replace("\n", " ")
