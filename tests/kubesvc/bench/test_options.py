"""What the command line says of load, and the plan that it means."""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.helpers.svcbench import run_of

from kubesvc.bench.files import Reports, write_reports
from kubesvc.bench.options import Arrivals, Length, Sending, plan_of
from kubesvc.bench.progress import Progress, sight_line
from kubesvc.bench.target import Target
from svcbench.arrivals import ScheduleError
from svcbench.load.log import NAMES, Log, Rows

TARGET = Target(
    "svc/web:80", "web.default.svc.cluster.local:80", "127.96.0.20", 10_080, "http", {"web-1": "web-1"}, {"web-1": 1}
)
SENDING = Sending("", 64, 4096, 5.0, keeps_connections=True)
LENGTH = Length(10.0, 1.0, 7)


def test_a_rate_is_a_hundred_per_second_unless_given() -> None:
    plan = plan_of(TARGET, Arrivals(), SENDING, LENGTH)
    assert plan.schedule is not None
    assert str(plan.schedule) == "--rate 100/s"
    assert len(list(plan.schedule.times(Random(1)))) == 1100
    assert (plan.seconds, plan.warmup, plan.seed, plan.clients) == (11.0, 1.0, 7, 64)


@pytest.mark.parametrize(
    ("protocol", "request_of_it"),
    [("http", "/"), ("tcp", "hostname\n"), ("udp", "hostname\n"), ("dns", "web.default.svc.cluster.local")],
)
def test_each_protocol_has_a_request_of_its_own(protocol: str, request_of_it: str) -> None:
    assert plan_of(TARGET._replace(protocol=protocol), Arrivals(), SENDING, LENGTH).request == request_of_it


@pytest.mark.parametrize(
    ("arrivals", "text", "offered"),
    [
        (Arrivals(ramp="100..300"), "--ramp 100..300", 200),
        (Arrivals(steps="100,200,600"), "--step 100,200,600", 300),
        (Arrivals(rate="30/m", is_poisson=True), "--rate 30/m --poisson", 0.5),
        (Arrivals(replay="t.txt", recorded=["0", "2", "3"]), "--replay t.txt", 0.2),
    ],
)
def test_arrivals_are_said_in_the_words_of_the_command_line(arrivals: Arrivals, text: str, offered: float) -> None:
    schedule = arrivals.schedule(10.0, 1.0)
    assert schedule is not None
    assert str(schedule) == text
    assert schedule.offered(1.0) == pytest.approx(offered)


def test_connections_that_are_limited_are_not_more_at_the_beginning() -> None:
    plan = plan_of(TARGET, Arrivals(), Sending("", 64, 10, 5.0, keeps_connections=True), LENGTH)
    assert (plan.clients, plan.most) == (10, 10)


@pytest.mark.parametrize("name", ["a..b", "a" * 64])
def test_a_name_that_no_query_can_ask_for_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        plan_of(TARGET._replace(protocol="dns"), Arrivals(), dataclasses.replace(SENDING, request=name), LENGTH)


@pytest.mark.parametrize(
    ("changes", "protocol", "why"),
    [
        ({"headers": ("X-User",)}, "http", 'write it as "Name: value"'),
        ({"headers": ("X-User: a\r\nX: b",)}, "http", 'write it as "Name: value"'),
        ({"headers": ("Host: other",)}, "http", "not yours to set"),
        ({"headers": ("X-User: a",)}, "tcp", "--header is for HTTP"),
        ({"payload": "hostname"}, "http", "--payload is for --tcp and --udp; http has none"),
        ({"request": "web", "payload": "hostname"}, "dns", "--payload is for --tcp and --udp; dns has none"),
        ({"sources": 2}, "inside", "needs an address in 127.0.0.0/8"),
    ],
)
def test_what_a_protocol_or_place_does_not_have_is_refused(changes: dict[str, Any], protocol: str, why: str) -> None:
    target = TARGET._replace(address="10.96.0.20") if protocol == "inside" else TARGET._replace(protocol=protocol)
    with pytest.raises(ValueError, match=why):
        plan_of(target, Arrivals(), dataclasses.replace(SENDING, **changes), LENGTH)


def test_a_closed_loop_has_its_clients_instead_of_a_schedule() -> None:
    plan = plan_of(TARGET, Arrivals(closed=8), SENDING, LENGTH)
    assert (plan.schedule, plan.clients) == (None, 8)


@pytest.mark.parametrize(
    ("arrivals", "why"),
    [
        (Arrivals(rate="5", ramp="1..2"), "--rate and --ramp exclude each other"),
        (Arrivals(steps="5", closed=3), "--step and --closed exclude each other"),
        (Arrivals(closed=3, is_poisson=True), "--poisson spaces the arrivals"),
        (Arrivals(rate="0"), "above 0"),
        (Arrivals(replay="t.txt"), "has no times"),
    ],
)
def test_arrivals_that_contradict_each_other_are_refused(arrivals: Arrivals, why: str) -> None:
    with pytest.raises(ScheduleError, match=why):
        arrivals.schedule(10.0, 1.0)


def rows(*each: tuple[float, float, int, int]) -> Rows:
    """Return rows of due, ended, outcome and pod."""
    made = Rows()
    for due, ended, outcome, pod in each:
        made.due.append(due)
        made.began.append(due)
        made.ended.append(ended)
        made.connection.append(0)
        made.outcome.append(outcome)
        made.pod.append(pod)
    return made


def test_a_run_under_way_is_seen_without_its_warm_up() -> None:
    plan = plan_of(TARGET, Arrivals(), SENDING, LENGTH)
    progress, log = Progress(plan, {"web-1": "web-1"}), Log()
    log.names = [*NAMES, "web-1"]
    assert progress.sight(log, 100.0).elapsed == 0.0
    progress.add(rows((0.5, 0.6, 0, 3)))
    assert progress.sight(log, 100.7).is_warming_up
    progress.add(rows((1.5, 1.51, 0, 3), (1.6, 6.6, 1, 0), (1.7, 1.7, 2, 0)))
    sight = progress.sight(log, 101.8)
    assert (sight.requests, sight.errors, sight.pods, sight.p50) == (3, 2, {"web-1": 1}, 10_007)
    assert "errors 2" in sight_line(sight)


def test_a_run_that_hears_nothing_goes_on_in_time() -> None:
    plan = plan_of(TARGET, Arrivals(), SENDING, LENGTH)
    progress, log = Progress(plan, {}), Log()
    log.names = [*NAMES]
    progress.add(rows((1.5, 2.0, 0, 0)))
    assert progress.sight(log, 50.0).elapsed == 2.0
    later = progress.sight(log, 53.0)
    assert (later.elapsed, later.rate) == (5.0, 0.0)


def test_reports_are_written_whole(tmp_path: Path) -> None:
    reports = Reports.checked(*(str(tmp_path / name) for name in ("r.json", "r.hlog", "r.html")))
    write_reports(run_of([1000] * 10), reports)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["r.hlog", "r.html", "r.json"]
    assert (tmp_path / "r.hlog").read_text().startswith("#[Histogram log format version 1.3]\n")


def test_a_distribution_is_written_to_a_file_that_is_called_so(tmp_path: Path) -> None:
    write_reports(run_of([1000] * 10), Reports.checked("", str(tmp_path / "r.hgrm"), ""))
    assert (tmp_path / "r.hgrm").read_text().split()[:2] == ["Value", "Percentile"]


def test_a_full_disk_leaves_no_half_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, text: str) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    wanted = str(tmp_path / "r.json")
    with pytest.raises(OSError, match="No space left") as raised:
        write_reports(run_of([1000]), Reports(wanted, "", ""))
    assert raised.value.filename == wanted
    assert not list(tmp_path.iterdir())


def test_a_link_or_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    """As root, /dev/full and /dev/stdout must not become files."""
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "target").touch()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_reports(run_of([1000]), Reports.checked(str(tmp_path / "pipe"), str(tmp_path / "link"), ""))
    assert os.read(reader, 100).startswith(b"{")
    os.close(reader)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text().startswith("#[Histogram")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("file", ["{}/no/such/r.json", "{}"])
def test_a_report_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path, file: str) -> None:
    with pytest.raises(ValueError, match="no file can be written there"):
        Reports.checked("", "", file.format(tmp_path))


def test_standard_output_is_no_file() -> Any:
    assert Reports.checked("-", "", "").json == "-"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (("", "-", ""), "only --json can be standard output"),
        (("", "", "-"), "only --json can be standard output"),
        (("{}/run", "", "{}/./run"), "two reports cannot be one file"),
    ],
)
def test_reports_that_would_be_lost_are_refused(tmp_path: Path, files: tuple[str, str, str], why: str) -> None:
    json_file, hdr_file, html_file = (each.format(tmp_path) for each in files)
    with pytest.raises(ValueError, match=why):
        Reports.checked(json_file, hdr_file, html_file)
