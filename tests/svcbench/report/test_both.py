"""Sockets and simulation side by side."""

from dataclasses import replace

from tests.helpers.svcbench import run_of

from svcbench.report.both import both_text
from svcbench.results import GeneratorFigures, PodFigures


def test_percentiles_and_shares_are_beside_each_other_with_their_difference() -> None:
    sockets = replace(
        run_of([12_000] * 90 + [40_000] * 10), pods={"web-1": PodFigures(60, 0, 1), "web-2": PodFigures(40, 0, 1)}
    )
    simulated = replace(
        run_of([10_000] * 90 + [50_000] * 10), pods={"web-1": PodFigures(50, 0, 1), "web-2": PodFigures(50, 0, 1)}
    )
    lines = both_text(sockets, simulated).splitlines()
    assert lines[0] == "svc/web: rr on sockets, rr in simulation"
    rows = {line.split("  ")[0]: line.split("  ", 1)[1].split() for line in lines if "  " in line}
    assert rows["requests"] == ["100", "100"]
    assert rows["p50 ms"] == ["12.0", "10.0", "+2.00", "ms", "(+20", "%)"]
    assert rows["p99 ms"] == ["40.0", "50.0", "-9.98", "ms", "(-20", "%)"]
    assert rows["web-1"] == ["60.00", "%", "50.00", "%", "+10.00", "points"]


def test_a_run_that_is_not_to_be_believed_says_so() -> None:
    late = replace(run_of([1000]), generator=GeneratorFigures(5000, 1.0, 0))
    assert "INVALID on sockets: the generator was late" in both_text(late, run_of([1000]))
