"""Every command of the pages runs, and prints what they say that it prints, names and addresses apart."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import ClusterCommands, eventually
from tests.helpers.kubectl.cli import OVER_SPDY
from tests.helpers.pages import CONFIGURATION, FAULTS, PAGES, PROGRAM, ROOT, UP, USE, WHY, in_order, shape, with_kubesvc
from tests.helpers.patience import PATIENCE

from kubemanifest.loading import load
from kubesvc.config import read_configuration


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, default_addresses: None
) -> Iterator[tuple[ClusterCommands, Path]]:
    """The README's first command, in the foreground, and the file that it prints to."""
    state = tmp_path_factory.mktemp("pages")
    commands = ClusterCommands(state)
    printed = state / "printed"
    with printed.open("w") as out:
        process = subprocess.Popen(
            UP[0][0].split(),
            cwd=ROOT,
            env=commands.env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        assert eventually(lambda: "kubesvc: ready" in printed.read_text() or process.poll() is not None)
        assert process.poll() is None, printed.read_text()
        yield commands, printed
    finally:
        commands.down()
        # A start that hangs before there is a cluster has nothing that `down` could end.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=PATIENCE)


def test_make_up_prints_the_table_of_the_readme(cluster: tuple[ClusterCommands, Path]) -> None:
    actual = shape(cluster[1].read_text())
    assert in_order(UP[0][1], actual), (UP[0][1], actual)


@pytest.mark.parametrize(("command", "wanted"), [*USE, *WHY], ids=[command[:40] for command, _ in (*USE, *WHY)])
def test_the_next_commands_do_what_the_readme_shows(
    cluster: tuple[ClusterCommands, Path], command: str, wanted: list[str]
) -> None:
    dns = cluster[0].status()["dns"]["addresses"][-1]
    if dns["port"] != 53:
        # What the README says of an ordinary user: DNS answers 10000 higher.
        command = command.replace("dig ", f"dig -p {dns['port']} ")
    # Each command is a shell of its own here: what the README's `eval` leaves behind for the next ones, and a home
    # in which no kubectl has been before.
    state = cluster[0].state
    env = {**with_kubesvc(cluster[0].env), "KUBECONFIG": str(state / "kubeconfig"), "HOME": str(state), **OVER_SPDY}
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 0, result
    if wanted:
        assert sorted(shape(result.stdout)) == sorted(wanted)


def test_the_page_has_every_key_of_the_status(cluster: tuple[ClusterCommands, Path]) -> None:
    section = PAGES["cluster/commands.md"].partition("## `kubesvc status -o json`")[2]
    names = set(keys(cluster[0].status()))
    assert {"podIP", "clusterAddress"} <= names
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", section)) == []


def keys(value: Any) -> Iterator[str]:
    """Yield the keys of a document and of all that is in it."""
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(each)


def test_bad_input_is_refused_as_the_page_shows(tmp_path: Path) -> None:
    ((command, wanted),) = FAULTS
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=with_kubesvc(ClusterCommands(tmp_path).env),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 2
    assert shape(result.stderr) == wanted


def test_the_configuration_of_the_page_is_one(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(CONFIGURATION)
    loaded = load([str(tmp_path)], StringIO())
    reading = read_configuration(loaded.configuration)
    assert (loaded.faults, reading.faults, reading.warnings) == ((), (), ())
    assert reading.configuration.external_hosts[0].page == "k8s ExternalName test page"


def test_the_python_of_the_page_runs(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:2] == ["HTTP/1.1 200 OK", "['configmap/settings created']"]
    assert result.stdout.splitlines()[2].startswith("['Running', 'Running'] ")
    assert list(tmp_path.iterdir()) == []


def test_make_up_says_how_to_have_kubesvc_on_the_path_unless_it_is_there(tmp_path: Path) -> None:
    assert "@.ci/path" in (ROOT / "Makefile").read_text()

    def said(path: str) -> str:
        command = [str(ROOT / ".ci" / "path")]
        return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=True).stdout

    (tmp_path / "kubesvc").write_text("#!/bin/sh\n")
    (tmp_path / "kubesvc").chmod(0o755)
    assert f'export PATH="{ROOT}/.venv/bin:$PATH"' in said(os.defpath)
    assert said(f"{tmp_path}:{os.defpath}") == ""
