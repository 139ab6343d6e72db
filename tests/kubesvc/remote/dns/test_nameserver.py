"""A name server of a Corefile without a cluster, as the program /coredns of agnhost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers.patience import PATIENCE

from kubesvc.remote.corefile.notes import CorefileError
from kubesvc.remote.dns.nameserver import UsageError, read_arguments, read_settings

HOSTS = ". {\n\thosts {\n\t\t1.1.1.1 name.resolv.conf.local\n\t}\n\tlog\n}\n"


def written(folder: Path, text: str) -> str:
    (folder / "Corefile").write_text(text)
    return str(folder / "Corefile")


def test_the_suite_s_corefile_has_its_names_on_every_address(tmp_path: Path) -> None:
    config, warnings = read_settings({"conf": written(tmp_path, HOSTS)})
    assert config.hosts["name.resolv.conf.local"] == ("1.1.1.1",)
    assert config.addresses == (("", 53),)
    assert [each.partition(": ")[2][:30] for each in warnings] == ["log: accepted without effect: "]


def test_other_names_are_those_of_upstreams(tmp_path: Path) -> None:
    flags = read_arguments(["-conf", written(tmp_path, "example.org { forward . 10.0.0.1 }\n"), "-dns.port=1053"])
    config, _ = read_settings(flags)
    assert config.forwards["example.org"].servers == (("10.0.0.1", 53),)
    assert config.addresses == (("", 1053),)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (".:53 { kubernetes cluster.local }\n", "no cluster is served here; run `kubesvc dns` for that"),
        (".:53 { template }\n", "the plugin template is not served"),
        ("", "the Corefile is empty"),
    ],
)
def test_what_cannot_be_served_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(CorefileError, match=fault):
        read_settings({"conf": written(tmp_path, text)})


def test_a_flag_that_is_not_known_is_named() -> None:
    with pytest.raises(UsageError, match="flag provided but not defined: -plugins"):
        read_arguments(["-plugins"])


def test_it_says_what_stands_in_the_way(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kubesvc.remote.dns.nameserver", "-conf", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/none: No such file or directory\n")
