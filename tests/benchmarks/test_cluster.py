"""The pure parts of the figures on a real API server: what is put there, and how figures stand to goals."""

from __future__ import annotations

import shutil
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from benchmarks.cluster import programs
from benchmarks.cluster.controlplane import POD_CIDRS, SERVICE_CIDRS
from benchmarks.cluster.figures import Figures, Line, table, verdict
from benchmarks.cluster.load import address_of, endpoint_slice, service
from benchmarks.cluster.programs import MissingProgramsError, find_programs
from benchmarks.cluster.report import LINES, markdown, terminal

from kubeapi.registry.creation import read_object
from kubeapi.scheme import ENDPOINTSLICES, SERVICES

LINE = Line("title", "seconds", "s", "ours", "theirs", 0.5)


def figures(ours: list[float], theirs: list[float]) -> Figures:
    found = Figures()
    for each in ours:
        found.add("seconds", "ours", each)
    for each in theirs:
        found.add("seconds", "theirs", each)
    return found


@pytest.mark.parametrize(
    ("ours", "theirs", "is_at_least", "expected"),
    [
        ([1.0, 2.0, 9.0], [4.0, 5.0, 4.0], False, ("2 [1-9]", "4 [4-5]", 0.5, True)),
        ([3.0], [4.0], False, ("3", "4", 0.75, False)),
        ([3.0], [4.0], True, ("3", "4", 0.75, True)),
        ([3.0], [], False, ("3", "", None, None)),
    ],
)
def test_a_ratio_is_that_of_the_medians(
    ours: list[float], theirs: list[float], is_at_least: bool, expected: tuple[str, str, float | None, bool | None]
) -> None:
    line = LINE._replace(is_at_least=is_at_least)
    assert verdict(line, figures(ours, theirs))[1:] == expected


def test_what_was_not_measured_says_why() -> None:
    assert table([verdict(LINE, Figures())], {"seconds": "no clock"})[1][-1] == "no clock"


def test_the_report_has_a_row_for_every_line() -> None:
    verdicts = [verdict(each, Figures()) for each in LINES]
    for text in (markdown({"Processor": "one"}, verdicts, {}), terminal(verdicts, {})):
        assert all(each.title in text for each in LINES)


def test_every_service_has_an_address_of_its_own_in_the_service_network() -> None:
    addresses = [address_of(number) for number in range(10_000)]
    assert len(set(addresses)) == len(addresses)
    assert all(ip_address(each) in ip_network(SERVICE_CIDRS[0]) for each in addresses)


@pytest.mark.parametrize("number", [0, 4_999, 5_000, 9_999])
def test_every_endpoint_is_a_pod(number: int) -> None:
    found = endpoint_slice(number, 10)["endpoints"]
    assert len({each["addresses"][0] for each in found}) == 10
    assert all(ip_address(each["addresses"][0]) in ip_network(POD_CIDRS[0]) for each in found)


def test_the_objects_are_read_strictly() -> None:
    assert read_object(SERVICES, service(1))["kind"] == "Service"
    assert read_object(ENDPOINTSLICES, endpoint_slice(1, 2))["kind"] == "EndpointSlice"


def test_missing_programs_are_named_with_the_way_to_have_them() -> None:
    with pytest.raises(MissingProgramsError, match=r"nosuch.*\.ci/build-cluster FOLDER"):
        find_programs(["nosuch"])


def test_what_a_program_starts_itself_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "kube-proxy"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(programs, "find_program", lambda name: shutil.which(name, path=str(tmp_path)))
    with pytest.raises(MissingProgramsError, match=r"^nft is missing; install it: sudo apt-get install nftables$"):
        find_programs(["kube-proxy"])
