"""The laboratory has the figures of simulation and of sockets, and says of which runs nothing is to be believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.helpers.svcbench import run_of

from benchmarks import laboratory
from svcbench.reproduce import Figure, Measure, Reproduction, Setup


def on_sockets(measure: Measure) -> Iterator[Figure]:
    yield Figure("p50", "", measure(Setup("random", ("1ms",), 10, 1)).corrected.percentile(50))


RESULT = Reproduction("R0", "nothing", "Nobody", lambda _: iter([Figure("p50", "", 1000)]), "", on_sockets)


def test_sockets_are_measured_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laboratory, "measured", lambda setup: replace(run_of([2000]), is_partial=True))
    work = laboratory.Laboratory(is_thorough=False, has_sockets=True)
    found = work.reproduced(RESULT)
    assert [each.value for each in (*found.simulation, *found.sockets)] == [1000, 2000]
    assert work.faults == ["R0 with random: it was interrupted after 1.0 s"]


def test_a_result_may_have_a_simulation_alone() -> None:
    asked = laboratory.Laboratory(is_thorough=False, has_sockets=False)
    assert asked.reproduced(RESULT).sockets == ()
    alone = laboratory.Laboratory(is_thorough=False, has_sockets=True)
    assert alone.reproduced(replace(RESULT, on_sockets=None)).sockets == ()
