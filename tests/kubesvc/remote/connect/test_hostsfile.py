"""The part of /etc/hosts is the cluster's own; every other line stays."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubesvc.remote.connect.hostsfile import HostsFile, with_block

OWN = "127.0.0.1 localhost\n"
FIRST, LAST = "# begin kubesvc connect, cluster default\n", "# end kubesvc connect, cluster default\n"
OTHER = "# begin kubesvc connect, cluster b\n127.4.0.2 b\n# end kubesvc connect, cluster b\n"


@pytest.mark.parametrize(
    ("before", "lines", "after"),
    [
        (OWN, ["127.96.0.2 web"], f"{OWN}{FIRST}127.96.0.2 web\n{LAST}"),
        (f"{OWN}{FIRST}127.96.0.9 old\n{LAST}", ["127.96.0.2 web"], f"{OWN}{FIRST}127.96.0.2 web\n{LAST}"),
        (f"{FIRST}127.96.0.9 old\n{LAST}{OWN}", [], OWN),
        (f"{OTHER}{OWN}", ["127.96.0.2 web"], f"{OTHER}{OWN}{FIRST}127.96.0.2 web\n{LAST}"),
        (f"{OWN}{FIRST}127.96.0.9 cut", [], OWN),
        ("127.0.0.1 localhost", [], "127.0.0.1 localhost"),
        ("127.0.0.1 localhost", ["127.96.0.2 web"], f"{OWN}{FIRST}127.96.0.2 web\n{LAST}"),
    ],
    ids=[
        "added",
        "replaced",
        "removed",
        "beside another cluster's",
        "without an end",
        "unchanged",
        "without a line end",
    ],
)
def test_the_lines_of_the_cluster_take_the_place_of_its_former_ones(before: str, lines: list[str], after: str) -> None:
    assert with_block(before, "default", lines) == after


def test_the_file_itself_stays_as_another_one_cannot_take_the_place_of_a_mounted_one(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(OWN)
    before = path.stat().st_ino
    HostsFile("default", path).write(["127.96.0.2 web"])
    assert (path.read_text(), path.stat().st_ino) == (f"{OWN}{FIRST}127.96.0.2 web\n{LAST}", before)
    HostsFile("default", path).write(())
    assert path.read_text() == OWN


def test_a_file_that_cannot_grow_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(OWN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # as on a full disk, a part is written
        with pytest.raises(OSError, match="too large"):
            HostsFile("default", path).write(["127.96.0.2 web"] * 9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_text() == OWN


def test_lines_of_others_stay_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(own := b"127.0.0.1 localhost\r\n# caf\xe9\n10.0.0.1 a\x0cb\n")
    HostsFile("default", path).write(["127.96.0.2 web"])
    assert path.read_bytes() == own + f"{FIRST}127.96.0.2 web\n{LAST}".encode()
    HostsFile("default", path).write(())
    assert path.read_bytes() == own


def test_a_file_that_has_nothing_of_the_cluster_need_not_be_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hosts"
    path.write_text(OWN)
    monkeypatch.setattr(Path, "open", _only_to_read(Path.open))
    HostsFile("default", path).write(())
    with pytest.raises(PermissionError):
        HostsFile("default", path).write(["127.96.0.2 web"])


def _only_to_read(opened: Callable[..., Any]) -> Callable[..., Any]:
    def open_file(path: Path, mode: str = "r", *given: Any, **named: Any) -> Any:
        if "+" in mode or "w" in mode:
            raise PermissionError(13, "Permission denied")
        return opened(path, mode, *given, **named)

    return open_file
