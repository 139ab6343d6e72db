"""What `kubesvc connect` refuses before it asks any cluster."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from kubesvc.state.directory import StateDirectory
from kubesvc.terminal.cli import kubesvc
from kubesvc.terminal.console import EXIT_AT_ONCE
from kubesvc.terminal.up import foreground
from kubesvc.terminal.up.start import UpStart


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    yield tmp_path / "kubesvc"
    for number, handler in handlers.items():
        signal.signal(number, handler)
    gc.enable()


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (["-A", "-n", "shop"], 2, "-A shows all namespaces: leave out -n"),
        (["--export", "xml"], 2, "'xml' is not one of"),
        (["--zone", "_x"], 2, 'kubesvc: --zone _x: Invalid value: "_x": a lowercase RFC 1123 subdomain'),
        (["--timeout", "soon"], 2, "'soon' is not a duration"),
    ],
    ids=["two wishes", "an unknown form", "no domain", "no duration"],
)
def test_what_makes_no_sense_is_refused_at_once(root: Path, given: list[str], status: int, said: str) -> None:
    result = CliRunner().invoke(kubesvc, ["connect", *given])
    assert (result.exit_code, said in result.output) == (status, True)
    assert not root.exists()


def test_objects_of_a_cluster_of_its_own_are_not_hidden(root: Path) -> None:
    state = StateDirectory("default", root)
    state.path.mkdir(parents=True)
    state.database.touch()
    result = CliRunner().invoke(kubesvc, ["connect"])
    assert result.exit_code == 1
    assert 'cluster "default" has objects of its own, of earlier runs: give this one another name' in result.output


def test_nothing_is_left_of_a_start_that_a_signal_ends_before_it_has_begun(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(up: UpStart) -> None:
        (up.options.state.path / "log").touch()
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(foreground, "_prepare", interrupted)
    assert CliRunner().invoke(kubesvc, ["connect"]).exit_code == EXIT_AT_ONCE
    assert list(root.iterdir()) == []
