"""The page of published results shows every figure with its band, and what misses it, first of all."""

from __future__ import annotations

from benchmarks.laboratorypage import Reproduced, laboratory

from svcbench.reproduce.figure import Figure, Reproduction

TITLE = Reproduction("R1", "one slow backend", "Somebody (2016)", lambda _: iter(()), "Nobody gives up.")
SIMULATED = (
    Figure("round robin: answered", "95 %", 95.45, 95.3, 95.6, "%"),
    Figure("p99.9", "210 ms", 312.0, 0, 250, "ms"),
    Figure("bins", "0", 0, 0, 0),
    Figure("larger", "above 1", 12345.6, 1.0, unit="x"),
    Figure("moved", "Fig. 12", 0.58, 1e-9, 1.0, "%"),
    Figure("for | show", "", 1.23456),
)
SOCKETS = (Figure("round robin: answered", "95 %", 95.31, 95.3, 95.6, "%"),)
PAGE = laboratory([Reproduced(TITLE, SIMULATED, SOCKETS)], {"Processor": "one"})


def test_paper_simulation_and_sockets_are_in_one_row() -> None:
    assert "| round robin: answered | 95 % | 95.3 to 95.6 % | 95.45 % | 95.31 % |" in PAGE
    assert "| bins | 0 | 0 | 0 | - |" in PAGE
    assert "| larger | above 1 | at least 1 x | 12,346 x | - |" in PAGE
    assert "| moved | Fig. 12 | above 0, at most 1 % | 0.58 % | - |" in PAGE
    assert r"| for \| show | - | - | 1.235 | - |" in PAGE


def test_a_miss_is_said_at_the_top() -> None:
    assert "5 of 6 figures with a band are in it." in PAGE
    assert "- R1, p99.9: 312 ms, want at most 250 ms\n" in PAGE
    assert "| p99.9 | 210 ms | at most 250 ms | **312 ms** missed | - |" in PAGE


def test_every_table_has_as_many_columns_in_each_row() -> None:
    rows = [line.replace(r"\|", "") for line in PAGE.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {6}


def test_the_source_and_the_remark_stand_above_the_figures() -> None:
    assert "## R1: one slow backend\n\nSomebody (2016).\n\nNobody gives up.\n" in PAGE
    assert "- Processor: one" in PAGE
