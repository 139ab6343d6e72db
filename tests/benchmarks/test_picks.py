"""The table of what picks cost: measured for one algorithm, as short as it gets, and written for all."""

from __future__ import annotations

import pytest
from benchmarks.suite import picks as measured
from benchmarks.suite.picks import costs_of, picks
from benchmarks.suite.report import markdown, terminal

from kubeproxy.balancers.probepool import ProbePool


def test_an_algorithm_is_measured_among_few_and_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "NAMES", ("least_connections",))
    monkeypatch.setattr(measured, "_ROUND_SECONDS", 0.0)
    figures = picks(lambda text: None)
    assert all(value > 0 for value in figures.values())
    header, *bare, row = costs_of(figures)
    assert {len(each) for each in (*bare, row)} == {len(header)}
    assert [each[0] for each in bare] == ["loop", "one drawn", "one in turn", "two drawn"]
    assert row[0] == "least_connections"
    assert row[-1] == "O(1), and what other workers have changed"


def test_prequal_is_measured_with_answers_to_its_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    monkeypatch.setattr(ProbePool, "hear", lambda self, backend, reported, now: heard.append(reported[0]))
    monkeypatch.setattr(measured, "NAMES", ("prequal",))
    monkeypatch.setattr(measured, "_ROUND_SECONDS", 0.0)
    picks(lambda text: None)
    assert len(set(heard)) > 3


def test_the_costs_have_a_table_of_their_own_in_both_reports() -> None:
    found = {"ns@10": 500.0, "ns@10000": 600.0, "stall": 2.5, "bytes": 80.0}
    figures = {f"picks/random/{name}": value for name, value in found.items()}
    text = markdown({}, {}, [], figures | {"MiB@1": 2.0}, [], "plot.svg")
    assert "| MiB@1 | 2 |" in text
    assert "| random | 500 | 600 | 1.2 |  | 2.5 | 80 | O(1) |" in text
    assert "picks/" not in text + terminal([], figures, [])
    bare = {"picks/two drawn/ns@10": 200.0, "picks/two drawn/ns@10000": 240.0}
    assert [row[3:5] for row in costs_of(bare | figures)[1:]] == [("1.2", ""), ("1.2", "1")]
    assert costs_of({"MiB@1": 2.0}) == []
