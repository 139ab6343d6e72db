"""`kubesvc bench` without sockets: --simulate, --backends, --reproduce."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kubesvc.terminal.cli import kubesvc

MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {kubesvc.dev/balancer: round_robin}}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}, annotations: {kubesvc.dev/backend: "replay(times)"}}
spec: {containers: [{name: backend, image: kubesvc/backend}]}
"""


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(kubesvc, ["bench", *arguments])


def run_of(*arguments: str) -> dict[str, Any]:
    result = bench(*arguments, "--json", "-")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.output)
    return document


def test_backends_of_the_command_line_are_simulated() -> None:
    given = ("--backends", "2 x 20ms", "--rate", "100/s", "--duration", "2s", "--balancer", "round_robin")
    run = run_of(*given)
    assert (run["source"], run["algorithm"], run["requests"]) == ("simulation", "round_robin", 200)
    assert [each["requests"] for each in run["pods"].values()] == [100, 100]
    assert run_of(*given)["histograms"] == run["histograms"]


def test_a_closed_loop_lasts_as_long_as_it_is_asked_to() -> None:
    run = run_of("--backends", "20ms", "--closed", "2", "--duration", "1s")
    assert run["loop"] == "closed"
    assert 98 <= run["requests"] <= 101


def test_a_service_of_manifests_is_simulated_with_the_times_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("web.yaml").write_text(MANIFEST)
    Path("times").write_text("5ms\n")
    run = run_of("svc/web", "-f", "web.yaml", "--rate", "10/s", "--duration", "1s")
    assert list(run["pods"]) == ["web-1"]
    assert run["summary"]["corrected"]["ms"]["p100"] == pytest.approx(5, rel=0.001)
    Path("times").write_text("soon\n")
    result = bench("svc/web", "-f", "web.yaml")
    assert (result.exit_code, result.output) == (
        1,
        "kubesvc: times:1: 'soon' is no time such as 0.167, 167ms or 900us\n",
    )
    Path("times").unlink()
    assert bench("svc/web", "-f", "web.yaml").output == "kubesvc: times: No such file or directory\n"


def test_algorithms_are_compared_in_simulation() -> None:
    given = ("--backends", "4 x exponential(20ms); slots 1", "--poisson", "--rate", "150/s", "--duration", "5s")
    result = bench(*given, "--compare", "random,least_connections", "--blocks", "6")
    assert result.exit_code == 0
    assert "least_connections against random" in result.output
    assert "p99     faster by" in result.output


def test_an_objective_is_broken_in_simulation_as_well() -> None:
    result = bench("--backends", "20ms", "--duration", "1s", "--slo", "p99=10ms")
    assert result.exit_code == 99


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("svc/web", "--backends", "20ms"), 2, "--backends takes the place of svc/web: name one of them"),
        (("--backends", "soon"), 1, "kubesvc: --backends 'soon': position 1: expected a time"),
        (("--backends", "20ms", "--balancer", "least"), 2, "unknown balancer 'least'"),
        (("--backends", "20ms", "--rate", "1000000/s", "--duration", "60s"), 1, "at most 10,000,000 requests"),
        (("--backends", "20ms", "--duration", "0s"), 2, "--duration must be above 0"),
        (("--backends", "20ms", "--tcp"), 2, "--tcp is about sockets, and a simulation sends nothing"),
        (("svc/web", "--delay", "1ms"), 2, "--delay is for a simulation: add --simulate"),
        (("svc/web", "--sockets"), 2, "--sockets goes with --reproduce"),
        (("svc/web", "--both", "--slo", "p99=1s"), 2, "--both and --slo exclude each other"),
        (("svc/web", "--both", "--json", "both.json"), 2, "--json -"),
        (("--simulate",), 2, 'write it as "svc/NAME"'),
        (("svc/web", "--blocks", "5"), 2, "--blocks is how often --compare measures each algorithm"),
        (("--reproduce", "R6", "--seed", "2"), 2, "--reproduce has conditions of its own: leave out --seed"),
        (("svc/web", "--reproduce", "R6"), 2, "--reproduce has conditions of its own: leave out svc/NAME[:PORT]"),
        (("--reproduce", "R7"), 2, "--reproduce R7: there are R1, R2, R3, R4, R5, R6, R8, R9, R10, and all"),
    ],
)
def test_what_cannot_be_simulated_is_said(arguments: tuple[str, ...], status: int, words: str) -> None:
    result = bench(*arguments)
    assert (result.exit_code, words in result.output) == (status, True), result.output


def test_a_published_result_is_shown_beside_the_simulation() -> None:
    result = bench("--reproduce", "r6")
    assert result.exit_code == 0
    assert "R6  coordinated omission: one stop of 1.4 s" in result.output
    assert "ok   how many times larger" in result.output
    assert "all figures are in their bands" in result.output
