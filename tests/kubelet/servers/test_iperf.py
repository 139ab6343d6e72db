"""Our own iperf, with the reports of iperf 2.2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.helpers.patience import PATIENCE

from kubelet.servers.iperf import Interval, UsageError, csv_line, read_options, text_line

PORT = "15001"
IPERF = (sys.executable, "-m", "kubelet.servers.iperf")


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with subprocess.Popen([*IPERF, "-s", "-p", PORT], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "listening" not in process.stdout.readline():
            pass
        yield
        process.terminate()


def run(*arguments: str) -> list[str]:
    done = subprocess.run(
        [*IPERF, "-p", PORT, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.usefixtures("server")
def test_a_report_for_programs_has_a_heading_the_intervals_and_their_sum() -> None:
    heading, *lines = run("-e", "--reportstyle", "C", "-i", "0.000001", "-t", "0.05", "-c", "127.0.0.1")
    rows = [dict(zip(heading.split(","), line.split(","), strict=True)) for line in lines]
    assert len(rows) >= 2
    assert (rows[-1]["istart"], rows[-1]["dstaddr"], rows[-1]["dstport"]) == ("0.0", "127.0.0.1", PORT)
    assert int(rows[-1]["bytes"]) >= sum(int(each["bytes"]) for each in rows[:-1]) > 0


@pytest.mark.usefixtures("server")
def test_each_of_several_connections_is_reported() -> None:
    lines = run("-c", "127.0.0.1", "-P2", "-t", "0.05")
    assert sorted(line[:5] for line in lines if line.startswith("[")) == ["[  1]", "[  2]"]


def test_an_interval_is_written_for_people_and_for_programs() -> None:
    interval = Interval(1.0, 3.0, 5 << 20)
    assert text_line(interval, 3) == "[  3] 1.00-3.00 sec  5 MBytes  21 Mbits/sec"
    ends = ("10.0.0.1", 40000, "10.0.0.2", 5001)
    line = csv_line(interval, ends, 3, 0.25).partition(":")[2]
    assert line.partition(".")[2] == "250,10.0.0.1,40000,10.0.0.2,5001,3,1.0,3.0,5242880,20971520,-1,-1,0,-1,0,0,0"


@pytest.mark.parametrize("arguments", [[], ["-s", "-c", "x"], ["-c", "x", "-u"], ["-s", "more"]])
def test_what_it_does_not_know_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        read_options(arguments)
