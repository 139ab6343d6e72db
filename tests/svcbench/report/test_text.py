"""Reports in text and JSON say what was measured, whether it may be believed, and how sure the verdicts are."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.helpers.pages import PAGES
from tests.helpers.svcbench import run_of
from tests.helpers.svcbench_comparison import comparison_of, run_with_pods

from svcbench.compare.comparison import Comparison, judge
from svcbench.document import read_run
from svcbench.histogram import Histogram
from svcbench.report.document import comparison_document
from svcbench.report.facts import spread_of
from svcbench.report.numbers import aligned, cut, milliseconds, percentage, probability, rate, seconds
from svcbench.report.text import WIDTH, comparison_text, run_text
from svcbench.results import UNKNOWN_POD, Run

COMPARISON = comparison_of({"round_robin": 1.0, "least_request:choices=3": 0.7, "first": 5.0})
VERDICTS = judge(COMPARISON)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (milliseconds(412), "0.412"),
        (milliseconds(1_234), "1.23"),
        (milliseconds(12_345), "12.3"),
        (milliseconds(2_000_000), "2,000"),
        (percentage(0), "0 %"),
        (percentage(1), "100 %"),
        (percentage(0.00001), "<0.01 %"),
        (percentage(0.99999), ">99.99 %"),
        (percentage(0.9545), "95.45 %"),
        (probability(0.0001), "<0.001"),
        (probability(0.034), "0.034"),
        (probability(0.5), "0.50"),
        (rate(1234.5), "1,234"),
        (rate(0.5), "0.5"),
        (seconds(5.0), "5 s"),
        (seconds(5.25), "5.2 s"),
        (cut("a-very-long-name", 10), "a-very-..."),
    ],
)
def test_numbers_are_as_people_read_them(said: str, text: str) -> None:
    assert said == text


def test_columns_are_aligned_and_rows_may_be_short() -> None:
    lines = aligned([("", "one", "two"), ("name", "1", "22"), ("x", "333")])
    assert lines == ["      one  two", "name    1   22", "x     333"]
    assert aligned([]) == []


def test_the_report_of_a_run_names_latencies_errors_and_pods() -> None:
    text = run_text(replace(run_with_pods("round_robin", 1), errors={"timed out": 2}))
    assert text.startswith("svc/web: round_robin, 5 s of open loop at 40/s after 1 s of warm-up, seed 1 (sockets)\n")
    assert "errors: 2 timed out" in text
    assert "1.00 %" in text
    assert "  web-6b7f-abcde" in text
    assert "INVALID" not in text


def test_an_invalid_run_says_so_before_its_figures() -> None:
    text = run_text(replace(run_with_pods("round_robin", 1), is_partial=True))
    assert text.index("INVALID, these figures are not to be believed:\n  it was interrupted") < text.index("p50 ms")


def test_the_uncorrected_twin_has_a_row_where_it_differs() -> None:
    assert "from actual start" not in run_text(run_of([1000] * 10))
    assert "from actual start" in run_text(replace(run_of([1000] * 10), uncorrected=Histogram([10] * 10)))


def test_of_many_pods_the_busiest_and_the_idlest_are_listed() -> None:
    text = run_text(run_with_pods("round_robin", 1, pods=[f"web-{each}" for each in range(60)]))
    assert "(52 more)" in text
    assert text.count("  web-") == 8


def test_requests_to_an_unknown_pod_are_listed_and_no_part_of_the_spread() -> None:
    run = run_with_pods("round_robin", 1, pods=["a", "b", UNKNOWN_POD])
    found = spread_of(run)
    assert found is not None
    assert found.fit.freedom == 1
    assert "  unknown" in run_text(run)


def test_where_nothing_was_answered_there_is_no_latency() -> None:
    text = run_text(run_of([]))
    assert "-  " in text
    assert "0.000" not in text


def test_a_run_without_pods_or_requests_has_a_report() -> None:
    assert "no pods are known" in run_text(run_of([]))


def test_the_report_of_a_comparison_has_verdicts_for_all_but_the_first() -> None:
    text = comparison_text(COMPARISON, VERDICTS, between=3.0)
    assert text.startswith("svc/web: 3 algorithms, 10 blocks of 5 s of open loop at 40/s each, seed 3 (sockets)\n")
    assert "least_request:choices=3 against round_robin\n  p50     faster by " in text
    assert "first against round_robin\n  p50     slower " in text
    assert "round_robin against" not in text


def test_no_line_is_wider_than_a_terminal_of_100_columns() -> None:
    long = "x" * 80
    wide = comparison_of({long: 1.0, f"y{long}": 1_000.0}, blocks=5, pods=[long, f"z{long}"])
    tables = comparison_text(wide, judge(wide), 3.0).splitlines()
    assert max(len(line) for line in tables if " against " not in line) <= WIDTH


def test_an_interrupted_comparison_has_a_report() -> None:
    assert "2 algorithms, 2 blocks of 10 of 5 s" in comparison_text(comparison_of({"a": 1, "b": 1}, 2, 10), [], 3.0)
    none = comparison_of({"a": 1, "b": 1}, 0, 10)
    assert comparison_text(none, [], 3.0) == "2 algorithms, 0 blocks of 10: none was finished\n"


def test_a_comparison_in_json_loses_nothing() -> None:
    document = json.loads(json.dumps(comparison_document(COMPARISON, VERDICTS)))
    labels = tuple(document["algorithms"])
    blocks = tuple({label: read_run(block[label]) for label in labels} for block in document["blocks"])
    found = Comparison(labels, blocks, document["plannedBlocks"], document["seed"], document["reason"])
    assert judge(found) == VERDICTS
    assert found.blocks == COMPARISON.blocks
    assert document["verdicts"][0]["says"].startswith("faster by")
    assert document["spread"]["first"]["jain"] > 0.99


def test_runs_of_a_simulation_have_no_spread_without_pods() -> None:
    runs: dict[str, Run] = {"a": run_of([1] * 20), "b": run_of([2] * 20)}
    comparison = replace(COMPARISON, labels=("a", "b"), blocks=(runs,))
    assert comparison_document(comparison, judge(comparison))["spread"] == {"a": None, "b": None}


def test_the_page_says_what_the_json_of_a_run_and_of_a_comparison_holds() -> None:
    section = PAGES["proxy/bench.md"].partition("## What `--json` holds")[2].partition("\n## ")[0]
    document = comparison_document(COMPARISON, VERDICTS)
    run = document["blocks"][0]["first"]
    parts = [document, document["verdicts"][0], document["spread"]["first"], document["spread"]["first"]["chiSquare"]]
    parts += [run, run["summary"]["corrected"], run["series"][0], next(iter(run["pods"].values())), run["generator"]]
    names = {name for each in parts for name in each}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", section)] == []
