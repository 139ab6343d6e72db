"""What a run has measured: merged, as JSON and back, believed or not, and its objectives."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.helpers.svcbench import run_of

from svcbench.document import DocumentError, read_run, run_document
from svcbench.histogram import Histogram
from svcbench.results import GeneratorFigures, PodFigures, Second, merged
from svcbench.verdict import broken_objectives, invalidities, read_objectives

RUN = run_of([1000] * 98 + [80_000] * 2)


def test_a_run_survives_as_json() -> None:
    run = replace(
        RUN,
        errors={"timed out": 2},
        seconds_series=(Second(0, 60, 1, 1000, 80_000), Second(1, 40, 1, 1000, 1000)),
        pods={"web-1": PodFigures(50, 2, 7, Histogram([5, 6]), (30, 20))},
        is_partial=True,
        command="kubesvc bench svc/web",
    )
    assert read_run(json.loads(json.dumps(run_document(run)))) == run


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "something"}, "format is 'something'"),
        ({"histograms": {}}, "'corrected' is missing"),
        ({"histograms": {"corrected": "x", "uncorrected": "x"}}, "V2 encoding"),
        ({"series": [{"second": 1}]}, "missing 4 required"),
        ({"pods": 5}, "not a run"),
    ],
)
def test_a_document_that_is_no_run_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(DocumentError, match=why):
        read_run(run_document(RUN) | changes)


def test_merged_runs_add_histograms_and_weigh_rates_by_time() -> None:
    other = replace(
        run_of([9000] * 300),
        seconds=3.0,
        seconds_series=(Second(0, 300, 0, 9000, 9000),),
        pods={"web-2": PodFigures(300, 0, 4, Histogram([9000] * 300), (300,))},
        generator=GeneratorFigures(700, 100.0, 1),
    )
    run = replace(RUN, seconds_series=(Second(0, 100, 0, 1000, 80_000),), pods={"web-1": PodFigures(100, 0, 2)})
    both = merged([run, other])
    assert both.corrected == Histogram([1000] * 98 + [80_000] * 2 + [9000] * 300)
    assert (both.requests, both.seconds, both.offered_rate) == (400, 4.0, 250.0)
    assert [each.second for each in both.seconds_series] == [0, 1]
    assert both.pods["web-2"].windows == (0, 300)
    assert both.generator == GeneratorFigures(700, 100.0, 1)


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(ValueError, match="no runs"):
        merged([])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"generator": GeneratorFigures(1001, 100.0, 0)}, ["p99 of its lag is 1.0 ms"]),
        ({"generator": GeneratorFigures(0, 98.9, 0)}, ["98.9 %, want 99 %"]),
        ({"generator": GeneratorFigures(0, 98.9, 0), "loop": "closed"}, []),
        ({"generator": GeneratorFigures(0, 100.0, 3)}, ["3 connections never opened"]),
        ({"is_partial": True}, ["interrupted after 1.0 s"]),
        ({"requests": 0}, ["no request was due"]),
    ],
)
def test_a_run_says_why_it_is_invalid(changes: dict[str, object], said: list[str]) -> None:
    found = invalidities(replace(RUN, **changes))  # type: ignore[arg-type]
    assert len(found) == len(said)
    assert all(wanted in line for wanted, line in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("objectives", "broken"),
    [
        ("p99=80.1ms", []),
        ("p98=1ms,errors=1%", []),
        ("p99=50ms", ["p99 is 80.1 ms, want at most 50 ms"]),
        ("p99.9=50000us,p50=1s", ["p99.9 is 80.1 ms, want at most 50 ms"]),
        ("p50=900us, errors=0.9%", ["p50 is 1 ms, want at most 0.9 ms", "errors are 1 %, want at most 0.9 %"]),
    ],
)
def test_objectives_are_kept_or_broken(objectives: str, broken: list[str]) -> None:
    assert broken_objectives(replace(RUN, errors={"reset": 1}), read_objectives(objectives)) == broken


@pytest.mark.parametrize("text", ["", "p99", "p99=50", "p0=1ms", "p101=1ms", "errors=1", "errors=101%", "mean=1ms"])
def test_a_wrong_objective_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write an objective like"):
        read_objectives(text)
