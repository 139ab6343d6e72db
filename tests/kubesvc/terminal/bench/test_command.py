"""What is wrong with the words of `kubesvc bench` is said before a cluster is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kubesvc.terminal.cli import kubesvc


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pod/web",), 'write it as "svc/NAME" or "svc/NAME:PORT"'),
        (("svc/api", "--compare", "random,p3c"), "unknown balancer 'p3c'"),
        (("svc/api", "--compare", "random,first", "--hdr", "r.hlog"), "--json has all of them"),
        (("svc/api", "--rate", "0"), "a rate is above 0 and at most 1,000,000"),
        (("svc/api", "--rate", "5", "--closed", "3"), "--rate and --closed exclude each other"),
        (("svc/api", "--closed", "0"), "0 is not in the range 1<=x<=4096"),
        (("svc/api", "--tcp", "--udp"), "--tcp and --udp exclude each other"),
        (("svc/api", "--slo", "p99=50"), "write an objective like"),
        (("svc/api", "--replay", "/no/such/file"), "No such file or directory"),
        (("svc/api", "--json", "/no/such/folder/r.json"), "no file can be written there"),
        (("svc/api", "--duration", "0"), "--duration must be above 0"),
        (("svc/api", "--duration", "soon"), "'soon' is not a duration"),
        (("svc/api", "--timeout", "0s"), "--timeout must be above 0"),
        (("svc/api", "--http", "hostname"), "a path begins with /"),
        (("svc/api", "--http", "/a b"), "write others as %20"),
        (("svc/talk", "--udp", "--payload", "a\\"), "--payload 'a\\\\': \\ at end of string"),
    ],
)
def test_wrong_words_are_refused_with_what_is_right(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    result = CliRunner().invoke(kubesvc, ["bench", *arguments])
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.output.split())


def test_a_cluster_that_does_not_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    result = CliRunner().invoke(kubesvc, ["bench", "svc/api", "--duration", "5"])
    assert result.exit_code == 1
    assert 'cluster "default" is not running' in result.output
