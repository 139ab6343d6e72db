"""How the specs of Kubernetes' own suite are run in parts, and told in the report."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.conformance.report import outcome_of, reasons_by_name, write_report
from tests.conformance.suite import Spec, chosen, ended, focus_on, merged, needs_more_nodes, parts_of, specs_of


def entry(text: str, state: str = "passed", labels: tuple[str, ...] = (), message: str = "") -> dict[str, Any]:
    """Return a spec as ginkgo reports it."""
    return {
        "LeafNodeType": "It",
        "ContainerHierarchyTexts": ["[sig-network] Services"],
        "ContainerHierarchyLabels": [["sig-network"]],
        "LeafNodeText": text,
        "LeafNodeLabels": list(labels),
        "State": state,
        "RunTime": 1_500_000_000,
        "Failure": {"Message": message},
    }


def spec(text: str, **fields: Any) -> Spec:
    """Return one spec of sig-network."""
    return specs_of([{"SpecReports": [entry(text, **fields)]}])[0]


def test_a_report_has_texts_labels_states_and_seconds() -> None:
    found = spec("serves a (port) [Conformance]", labels=("Conformance",), state="failed", message="timed\n  out")
    assert found == Spec(
        "[sig-network] Services serves a (port) [Conformance]",
        frozenset(("sig-network", "Conformance")),
        "failed",
        1.5,
        "timed out",
    )
    assert (found.group, found.is_conformance, found.is_alone) == ("sig-network", True, False)
    assert specs_of([{"SpecReports": [entry("x") | {"LeafNodeType": "BeforeSuite"}]}, {"SpecReports": None}]) == []


def test_each_spec_is_in_one_part_and_the_focus_of_a_part_finds_all_of_it() -> None:
    every = [spec(f"serves ({n}) | all") for n in range(20)]
    parts = parts_of(every, 8)
    assert sorted(each.name for part in parts for each in part) == sorted(each.name for each in every)
    assert [len(part) for part in parts] == [7, 7, 6]
    assert all(re.search(focus_on(part), each.name) for part in parts for each in part)
    assert parts_of([], 8) == []


def test_focus_and_skip_choose_specs_by_their_texts() -> None:
    every = [spec("one [Conformance]"), spec("two [Serial]"), spec("three")]
    assert [each.name[-5:] for each in chosen(every, "sig-network", r"\[Serial\]|three")] == ["ance]"]
    assert len(chosen(every, "sig-network", "")) == 3


def test_a_spec_that_was_cut_off_has_failed() -> None:
    """Ginkgo reports specs after an end by time as skipped, without a reason; e2e.test may also end in a panic."""
    asked = [spec("one"), spec("two"), spec("three")]
    endings = ended(asked, [spec("one"), spec("two", state="skipped")], "e2e.test ended with 2 before it")
    assert [(each.state, each.reason) for each in endings] == [
        ("passed", ""),
        ("failed", "e2e.test ended with 2 before it"),
        ("failed", "e2e.test ended with 2 before it"),
    ]
    left_out = [spec("one", state="skipped", message="Requires at least 2 nodes")]
    assert ended(asked[:1], left_out, "") == left_out


def test_a_spec_for_which_there_are_too_few_nodes_counts_as_it_ends_on_a_larger_cluster() -> None:
    small = "need at least 3 zones, with at least 2 schedulable nodes each"
    results = [spec("one", state="skipped", message=small), spec("two", state="skipped", message="Only for gce")]
    assert [needs_more_nodes(each) for each in results] == [True, False]
    assert merged(results, [spec("one")]) == [spec("one"), results[1]]


def test_the_page_counts_and_gives_the_reason_of_what_did_not_pass() -> None:
    specs = [
        spec("one [Conformance]", labels=("Conformance",)),
        spec("two", state="failed", message="no such kind"),
        spec("three", state="failed", message="no route"),
        spec("four", state="skipped", message="Only for gce"),
    ]
    reasons = reasons_by_name({"needs the Internet": ["three"]}, specs)
    assert [outcome_of(each, reasons) for each in specs] == ["passed", "failed", "not applicable", "not applicable"]
    page = write_report(specs, reasons, ["A run."])
    assert "| sig-network, Conformance | 1 | 1 | 0 | 0 |" in page
    assert "| sig-network | 4 | 1 | 1 | 2 |" in page
    assert "- Services two: no such kind" in page
    assert "- Services three: needs the Internet" in page
    assert "- Services four: Only for gce" in page
    assert page.index("**Failed**") < page.index("**Not applicable**") < page.index("**Passed**")


def test_a_row_that_names_no_spec_is_refused() -> None:
    with pytest.raises(ValueError, match="no spec has 'five'"):
        reasons_by_name({"needs the Internet": ["five"]}, [spec("one")])
