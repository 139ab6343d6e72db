"""The nodes' /etc/hosts, which the name server honours."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubesvc.shell.hostsfile import Hosts, HostsFile

CONFIGURED: Hosts = {"k8s.service.com": ("10.65.40.20",), "other.com": ("10.65.40.21",)}


@pytest.fixture
def said() -> list[Hosts]:
    return []


@pytest.fixture
def file(tmp_path: Path, said: list[Hosts]) -> HostsFile:
    return HostsFile(tmp_path / "hosts", CONFIGURED, said.append)


def test_what_is_edited_is_applied_once_and_wins_over_the_configuration(
    file: HostsFile, said: list[Hosts], tmp_path: Path
) -> None:
    file.prepare("10.0.0.1 node-1\n")
    file.look()
    file.look()
    assert said == [{**CONFIGURED, "node-1": ("10.0.0.1",)}]
    (tmp_path / "hosts").write_text("10.0.0.1 node-1\n10.1.1.1 k8s.service.com\n")
    file.look()
    assert said[1:] == [{**CONFIGURED, "node-1": ("10.0.0.1",), "k8s.service.com": ("10.1.1.1",)}]


def test_an_edited_file_outlives_a_start(file: HostsFile, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("10.1.1.1 mine\n")
    file.prepare("10.0.0.1 node-1\n")
    assert (tmp_path / "hosts").read_text() == "10.1.1.1 mine\n"


def test_a_file_that_is_gone_is_said_once_and_comes_back(
    file: HostsFile, said: list[Hosts], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.look()
    file.look()
    assert [each.getMessage() for each in caplog.records] == [
        f"the /etc/hosts of the nodes cannot be read: {tmp_path / 'hosts'}: No such file or directory"
    ]
    (tmp_path / "hosts").write_text("10.1.1.1 mine\n")
    file.look()
    assert said[-1] == {**CONFIGURED, "mine": ("10.1.1.1",)}
