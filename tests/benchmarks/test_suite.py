"""The pure parts of the benchmark suite, and one work measured for real, as short as it gets."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from io import StringIO
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path

import pytest
from benchmarks.suite import configurations, machine, zones
from benchmarks.suite.churn import addresses_of, state_of
from benchmarks.suite.contest import Outcome, turns
from benchmarks.suite.envoy import envoy
from benchmarks.suite.goals import GOALS, Goal, verdict
from benchmarks.suite.peers import accepts, question
from benchmarks.suite.plot import svg
from benchmarks.suite.processes import PeerError, find_program, running, without_paths
from benchmarks.suite.report import markdown, number, rows, terminal
from benchmarks.suite.samples import Sample, document, figure, ratio
from benchmarks.suite.scale import documents, is_refused, is_serving, tutorial_documents
from benchmarks.suite.settings import COREDNS, FRONTS, KUBESVC, POD_WORKS, UNCHANGED, WORKS, cold_names
from benchmarks.suite.tools import OutputError, dnsperf_sample, wrk_sample
from tests.helpers.patience import PATIENCE

from kubesvc.run.input.prepare import prepare

KEEPALIVE = WORKS[0]


def sample(cpu_seconds: float | None, p999: float | None = 50.0) -> Sample:
    return Sample(1000, 2.0, 0, 10.0, 20.0, p999, cpu_seconds, 1 << 20)


ROUNDS = {
    "direct": [sample(None)] * 3,
    "haproxy": [sample(0.010), sample(0.020), sample(0.040)],
    "kubesvc": [sample(0.012), sample(0.020), sample(0.060, 100.0)],
}


@pytest.mark.parametrize("protocol", ["tcp", "http", "udp"])
def test_envoy_leads_one_listener_to_one_backend_without_its_circuit_breakers(protocol: str) -> None:
    told = json.loads(envoy(protocol, 8080))["static_resources"]
    (listener,), (cluster,) = told["listeners"], told["clusters"]
    assert listener["address"]["socket_address"]["protocol"] == ("UDP" if protocol == "udp" else "TCP")
    assert f'"cluster": "{cluster["name"]}"' in json.dumps(listener)
    assert min(cluster["circuit_breakers"]["thresholds"][0].values()) >= 10_000


def test_a_program_from_pip_is_found_beside_this_python() -> None:
    assert find_program("ruff")
    assert find_program("no-such-program") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("cpu", 20.0), ("rate", 500.0), ("p999", 50.0), ("resident", 1 << 20), ("each", None)],
)
def test_a_figure_is_the_median_of_the_rounds(name: str, expected: float | None) -> None:
    assert figure(ROUNDS["kubesvc"], name) == expected


def test_a_ratio_is_taken_within_each_round_and_summed_up_after() -> None:
    found = ratio(ROUNDS, "kubesvc", "haproxy", "cpu")
    assert found is not None
    assert (round(found.median, 9), found.low, found.high, found.rounds) == (1.2, 1.0, 1.5, 3)
    assert str(found) == "1.20 [1.00-1.50]"


@pytest.mark.parametrize(
    ("peer", "reference", "name"),
    [
        ("direct", "haproxy", "cpu"),
        ("kubesvc", "direct", "cpu"),
        ("kubesvc", "coredns", "cpu"),
        ("?", "haproxy", "cpu"),
    ],
    ids=["no process of its own", "reference without one", "reference is missing", "peer is missing"],
)
def test_where_a_side_has_no_figure_there_is_no_ratio(peer: str, reference: str, name: str) -> None:
    assert ratio(ROUNDS, peer, reference, name) is None


def test_a_trial_that_did_nothing_has_no_cost_per_unit() -> None:
    assert (Sample(0, 0.0, cpu_seconds=1.0).cpu, Sample(0, 0.0).rate) == (None, None)


def test_the_json_holds_every_round() -> None:
    found = json.loads(json.dumps(document(ROUNDS, "haproxy")))
    assert len(found["kubesvc"]["rounds"]) == 3
    assert found["kubesvc"]["ratio"]["cpu"]["high"] == 1.5
    assert found["direct"]["ratio"]["cpu"] is None


def test_peers_take_turns_in_both_directions() -> None:
    assert list(turns("ABC", 2)) == [(0, "A"), (0, "B"), (0, "C"), (1, "C"), (1, "B"), (1, "A")]


WRK = """\
Running 1s test @ http://127.0.0.1:80/
  1 threads and 64 connections
Requests/sec:  10000.00

sample: {"done": 20000, "micros": 2000000, "errors": 3, "p50": 90, "p99": 300, "p999": 2500}
"""


def test_wrk_is_read_from_the_line_of_its_script() -> None:
    assert wrk_sample(WRK) == Sample(20000, 2.0, 3, 90, 300, 2500)


DNSPERF = """\
Statistics:

  Queries sent:         1000
  Queries completed:    990 (99.00%)
  Queries lost:         10 (1.00%)

  Response codes:       NOERROR 980 (98.99%), NXDOMAIN 10 (1.01%)
  Average packet size:  request 42, response 58
  Run time (s):         2.000000
  Queries per second:   495.000000
"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (DNSPERF, Sample(990, 2.0, 20)),
        (DNSPERF.replace("NOERROR 980 (98.99%), NXDOMAIN 10 (1.01%)", "SERVFAIL 990 (100%)"), Sample(990, 2.0, 1000)),
    ],
    ids=["lost and NXDOMAIN are errors", "nothing was answered well"],
)
def test_dnsperf_counts_as_error_what_is_not_answered_well(output: str, expected: Sample) -> None:
    assert dnsperf_sample(output) == expected


@pytest.mark.parametrize(
    ("output", "said"), [("", "it printed nothing"), ("a\nunable to connect\n", "unable to connect")]
)
def test_other_output_is_an_error_that_says_its_last_line(output: str, said: str) -> None:
    for read in (wrk_sample, dnsperf_sample):
        with pytest.raises(OutputError, match=said):
            read(output)


CPU_GOAL = Goal("", "keepalive", "cpu", 1.25, "haproxy")


@pytest.mark.parametrize(
    ("goal", "is_met", "gap"),
    [
        (CPU_GOAL, True, ""),
        (Goal("", "keepalive", "cpu", 1.0, "haproxy"), False, "20 % over"),
        (Goal("", "keepalive", "rate", 1.0, "haproxy", is_at_least=True), True, ""),
        (Goal("", "keepalive", "cpu", 1.0, "haproxy", is_at_least=True, per=True), False, "17 % short"),
        (Goal("", "keepalive", "cpu", 1.0, "coredns"), None, "not measured: no coredns or no kubesvc in this run"),
        (Goal("", "idle", "each", 20.0, unit="KiB"), True, ""),
        (Goal("", "scale", "MiB@10", 100.0, unit="MiB"), False, "50 % over"),
        (Goal("", "scale", "other", 100.0, unit="MiB"), None, "not measured"),
    ],
    ids=["met", "over", "at least", "per CPU second", "no reference", "memory in KiB", "alone", "not measured"],
)
def test_a_goal_is_met_or_says_by_how_much_not(goal: Goal, is_met: bool | None, gap: str) -> None:
    measured = {"keepalive": ROUNDS, "idle": {"kubesvc": [Sample(10, 1.0, each=2048.0)]}}
    found = verdict(goal, measured, {"MiB@10": 150.0})
    assert (found.is_met, found.gap) == (is_met, gap)


def test_work_per_cpu_is_cpu_per_work_the_other_way_round() -> None:
    found = verdict(Goal("", "keepalive", "cpu", 1.0, "haproxy", is_at_least=True, per=True), {"keepalive": ROUNDS}, {})
    assert found.measured == "0.83 [0.67-1.00] x"


@pytest.mark.parametrize(
    ("bound", "is_clear"),
    [(0.9, True), (1.1, False), (1.3, False), (1.6, True)],
    ids=["over", "over", "under", "under"],
)
def test_a_verdict_that_some_rounds_contradict_is_not_clear(bound: float, is_clear: bool) -> None:
    found = verdict(Goal("", "keepalive", "cpu", bound, "haproxy"), {"keepalive": ROUNDS}, {})
    assert (found.is_met, found.is_clear) == (bound > 1.2, is_clear)
    assert ("(not in all rounds)" in terminal([], {}, [found])) is not is_clear


def test_a_figure_that_stands_alone_may_have_a_spread_too() -> None:
    found = verdict(
        Goal("", "scale", "costRatio@10", 1.05, unit="x"),
        {},
        {"costRatio@10": 1.06, "costRatioLow@10": 1.0, "costRatioHigh@10": 1.17},
    )
    assert (found.measured, found.is_met, found.is_clear) == ("1.06 [1.00-1.17] x", False, False)


def test_every_goal_names_a_work_and_a_peer_of_it() -> None:
    works = {work.name: work for work in (*WORKS, *POD_WORKS)}
    for goal in GOALS:
        assert goal.work == "scale" or goal.work in works
        assert not goal.reference or {goal.reference, goal.peer} <= set(works[goal.work].peers)


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.1234, "0.123"), (99.96, "100"), (123456.7, "123,457"), (0, "0")]
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number(value) == text


OUTCOME = Outcome(
    KEEPALIVE,
    {peer: list(each) for peer, each in ROUNDS.items()},
    dict.fromkeys(("nginx", "envoy"), "no <module>") | {"asyncio streams": "?"},
)


def test_a_missing_peer_is_a_named_gap_in_every_table() -> None:
    assert ("nginx", "gap: no <module>") in rows(OUTCOME)
    verdicts = [verdict(CPU_GOAL, {"keepalive": ROUNDS}, {})]
    assert "gap: no <module>" in terminal([OUTCOME], {"MiB@1": 2.0}, verdicts)
    report = markdown({"Processor": "p"}, {"Rounds": "3"}, [OUTCOME], {"MiB@1": 2.0}, verdicts, "plot.svg")
    assert "gap: no <module>" in report
    assert "| keep" not in report
    assert "![CPU per unit of work](plot.svg)" in report


def test_all_rows_of_a_markdown_table_are_as_wide_as_its_header() -> None:
    report = markdown({}, {}, [OUTCOME], {}, [], "plot.svg")
    table = report[report.index("| per request") :].splitlines()
    widths = {line.count("|") for line in table if line.startswith("|")}
    assert len(widths) == 1


def test_the_plot_is_well_formed_and_shows_who_has_a_process() -> None:
    text = svg([OUTCOME])
    ElementTree.fromstring(text)
    assert ">kubesvc</text>" in text
    assert ">direct</text>" not in text


def test_every_proxy_has_an_address_of_its_own() -> None:
    assert len(set(FRONTS.values())) == len(FRONTS)


def test_names_that_are_asked_for_once_are_all_different_and_go_on_from_round_to_round() -> None:
    first, second = cold_names(0, 300), cold_names(300, 300)
    assert len({*first, *second}) == 600
    assert first[255] == "127-0-0-255.default.pod.cluster.local"
    assert first[256] == "127-0-1-0.default.pod.cluster.local"


def assert_is_taken(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bench.yaml"
    file.write_text(text)
    assert prepare((str(file),), StringIO()).faults == []


@pytest.mark.parametrize("protocol", ["tcp", "http", "udp"])
def test_the_clusters_are_what_kubesvc_takes(protocol: str, tmp_path: Path) -> None:
    assert_is_taken(configurations.kubesvc(protocol, 8080), tmp_path)


@pytest.mark.parametrize("peer", [KUBESVC, COREDNS, UNCHANGED])
@pytest.mark.parametrize("is_headless", [False, True])
def test_the_clusters_of_dns_are_too(peer: str, is_headless: bool, tmp_path: Path) -> None:
    assert_is_taken(zones.manifests(peer, is_headless=is_headless), tmp_path)


def test_clusters_with_the_same_names_share_no_addresses() -> None:
    networks = [
        ip_network(each)
        for peer in (KUBESVC, COREDNS, UNCHANGED)
        for key, each in json.loads(zones.manifests(peer, is_headless=True).split("\n---\n")[0])["networking"].items()
        if key.endswith("Subnet")
    ]
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


QUESTION = question("svc-7.default.svc.cluster.local")
SHOWN = {
    "compressed": b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x0a\7\3\1\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x0a\7\3\2",
    "written out": b"\5svc-7\0\0\1\0\1\0\0\0\5\0\4\x0a\7\3\2\5svc-7\0\0\1\0\1\0\0\0\5\0\4\x0a\7\3\1",
}


@pytest.mark.parametrize("form", SHOWN)
def test_an_answer_shows_one_state_of_a_service(form: str) -> None:
    answer = QUESTION[:6] + b"\0\2" + QUESTION[8:] + SHOWN[form]
    assert addresses_of(answer, QUESTION) == {"10.7.3.1", "10.7.3.2"}
    assert state_of(7, addresses_of(answer, QUESTION)) == 3


@pytest.mark.parametrize(
    "addresses",
    [(), ("10.7.3.1",), ("10.7.3.1", "10.7.4.2"), ("10.8.3.1", "10.8.3.2")],
    ids=["none", "half a state", "two states", "another Service's"],
)
def test_an_answer_that_was_never_right_shows_no_state(addresses: tuple[str, ...]) -> None:
    assert state_of(7, frozenset(addresses)) is None


def test_the_clusters_of_scale_are_too(tmp_path: Path) -> None:
    found = list(documents(300, configurations.CLUSTER, "127.88.128.11"))
    assert_is_taken("\n---\n".join(map(json.dumps, found)), tmp_path)
    assert len({each["spec"]["clusterIP"] for each in found if each["kind"] == "Service"}) == 300


def test_the_tutorial_keeps_to_addresses_of_its_own(tmp_path: Path) -> None:
    text = tutorial_documents()
    assert_is_taken(text, tmp_path)
    assert "30001" not in text
    assert "192.168.0.101" not in text


def test_serving_and_refused_are_told_apart() -> None:
    with socket.create_server(("127.88.250.1", 0)) as server:
        address, port = server.getsockname()
        assert not is_refused(address, port)
    assert is_refused(address, port)
    assert not is_serving(address, port)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("cannot open /home/me/x.cfg: no", "cannot open ...: no"),
        ("127.88.0.0/16 is taken", "127.88.0.0/16 is taken"),
        ("53/UDP", "53/UDP"),
    ],
)
def test_what_a_peer_complains_of_names_no_folder(said: str, expected: str) -> None:
    assert without_paths(said) == expected


def test_another_process_at_the_address_is_not_measured_in_place_of_the_peer(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.88.250.2", 0)) as stranger,
        pytest.raises(PeerError, match="its address is taken"),
        running(["false"], tmp_path / "log", accepts(*stranger.getsockname())),
    ):
        pass


def test_a_peer_that_ends_at_once_says_why(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no such thing; exit 1"]
    with pytest.raises(PeerError, match="no such thing"), running(command, tmp_path / "log", lambda: False):
        pass


def test_the_machine_is_named_by_what_it_is_made_of() -> None:
    assert machine.slug().endswith("cores")
    assert "/" not in json.dumps(machine.describe()["Programs"])


def test_a_work_is_measured_from_end_to_end(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.suite", "--quick", "--works", "keepalive"]
    where = ["--json", str(file), "--results", str(tmp_path / "results")]
    done = subprocess.run([*command, *where], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    work = json.loads(file.read_text())["works"]["keepalive"]
    assert set(work["peers"]) | set(work["gaps"]) == set(KEEPALIVE.peers)
    if not work["peers"]:
        assert "is not installed" in work["gaps"]["kubesvc"]
        return
    kubesvc = work["peers"]["kubesvc"]
    assert kubesvc["errors"] == 0
    assert kubesvc["median"]["cpu"] > 0
    assert kubesvc["median"]["p50"] <= kubesvc["median"]["p99"] <= kubesvc["median"]["p999"]
    (report,) = (tmp_path / "results").glob("*.md")
    assert "keep-alive request, CPU" in report.read_text()
