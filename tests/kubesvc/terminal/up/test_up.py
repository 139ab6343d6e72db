"""What `up` does when the ground shakes: whole processes, since descriptors, signals and exits are theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import KUBESVC
from tests.helpers.cluster.ground import Ground
from tests.helpers.patience import PATIENCE

GROUND = Ground(13)

SABOTAGE = """
import asyncio, sys
from kubescheduler.io.scheduler import Scheduler

async def crash(self):
    await asyncio.sleep(0)
    raise ZeroDivisionError("oops")

Scheduler.run = crash
from kubesvc.__main__ import main
main()
"""
INTERRUPT = """
import sys
import kubesvc.terminal.up.foreground
import kubesvc.terminal.up.run

def interrupted(*_, **__):
    raise {error}

kubesvc.terminal.{name} = interrupted
from kubesvc.__main__ import main
main()
"""


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    file = tmp_path / "cluster.yaml"
    file.write_text(GROUND.configuration())
    return str(file)


def run(
    command: Sequence[str], state: Path, *, stdout: int = subprocess.PIPE, shell: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command; ``shell`` is appended to it for redirections."""
    full = ["sh", "-c", f'exec "$@" {shell}', "sh", *command] if shell else list(command)
    return subprocess.run(
        full,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "XDG_STATE_HOME": str(state)},
    )


def program(text: str, *arguments: str) -> tuple[str, ...]:
    return sys.executable, "-c", text, *arguments


@pytest.mark.parametrize("option", [[], ["--detach"]], ids=["foreground", "detached"])
def test_a_state_directory_that_cannot_be_made_is_one_line(manifest: str, tmp_path: Path, option: list[str]) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    result = run([*KUBESVC, "up", manifest, *option], blocked)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"kubesvc: cannot keep the cluster's state in {blocked}/kubesvc/default: Not a directory\n"
    )


@pytest.mark.parametrize("name", ["token", "apiserver.pem", "apiserver.port", "kubeconfig", "kubesvc.log", "lock"])
def test_a_folder_in_the_place_of_a_file_of_the_state_is_named_in_one_line(
    manifest: str, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "kubesvc" / "default" / name
    file.mkdir(parents=True)
    result = run([*KUBESVC, "up", manifest], tmp_path)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.endswith(f" {file}: Is a directory\n")


@pytest.mark.parametrize("name", ["token", "apiserver.pem", "apiserver.port", "kubeconfig", "control.sock", "work"])
def test_what_can_be_made_anew_is_made_anew_where_it_is_no_text(manifest: str, tmp_path: Path, name: str) -> None:
    file = tmp_path / "kubesvc" / "default" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\xff\xfe")
    result = run([*KUBESVC, "up", "--detach", manifest], tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert run([*KUBESVC, "down"], tmp_path).stdout == 'cluster "default" stopped\n'


def test_a_working_directory_that_is_gone_is_said_before_anything_runs(manifest: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    result = run(["sh", "-c", f'cd {gone}; rmdir {gone}; "$@"', "sh", *KUBESVC, "up", manifest], tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "",
        "kubesvc: the working directory cannot be used (No such file or directory); cd to one that exists\n",
    )
    assert not (tmp_path / "kubesvc").exists()


@pytest.mark.parametrize("option", [[], ["--detach"]], ids=["foreground", "detached"])
def test_a_component_that_crashes_ends_the_cluster_in_one_line_and_leaves_its_traceback_in_the_log(
    manifest: str, tmp_path: Path, option: list[str]
) -> None:
    result = run(program(SABOTAGE, "up", manifest, *option), tmp_path)
    log = tmp_path / "kubesvc" / "default" / "kubesvc.log"
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"kubesvc: internal error, the cluster has stopped: ZeroDivisionError: oops; the details are in {log}\n"
    )
    assert "Traceback" in log.read_text()
    assert "in crash" in log.read_text()
    assert run([*KUBESVC, "down"], tmp_path).stdout == 'cluster "default" is not running\n'


def test_ctrl_c_before_anything_runs_is_no_traceback(manifest: str, tmp_path: Path) -> None:
    result = run(program(INTERRUPT.format(name="up.run.prepare", error="KeyboardInterrupt"), "up", manifest), tmp_path)
    assert (result.returncode, result.stdout, result.stderr.strip()) == (130, "", "")


def test_what_nobody_foresaw_is_one_line_with_the_place_of_its_traceback(manifest: str, tmp_path: Path) -> None:
    result = run(program(INTERRUPT.format(name="up.run.prepare", error="KeyError(1)"), "up", manifest), tmp_path)
    assert result.returncode == 1
    said, _, place = result.stderr.strip().rpartition(" ")
    assert said == "kubesvc: internal error: KeyError: 1; the details are in"
    assert "Traceback" in Path(place).read_text()
    Path(place).unlink()


def test_too_few_open_files_are_one_line_with_what_to_do(manifest: str, tmp_path: Path) -> None:
    error = "OSError(24, 'Too many open files', '/dev/null')"
    result = run(program(INTERRUPT.format(name="up.foreground._session", error=error), "up", manifest), tmp_path)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith(
        "kubesvc: the cluster has stopped: /dev/null: Too many open files; this process may"
    )
    assert "`ulimit -n 1024`" in result.stderr


def test_a_full_disk_under_stdout_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = run([*KUBESVC, "--help"], tmp_path, stdout=full.fileno())
    assert (result.returncode, result.stderr) == (1, "kubesvc: No space left on device\n")


def test_a_reader_that_left_is_no_complaint(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = run([*KUBESVC, "--help"], tmp_path, stdout=writing)
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")


def test_a_cluster_outlives_readers_that_left_and_streams_that_are_closed(manifest: str, tmp_path: Path) -> None:
    """The caller has closed everything; the lock must not be on a descriptor that is then given to the log."""
    result = run([*KUBESVC, "up", "--detach", manifest], tmp_path, shell="<&- >&- 2>&-")
    try:
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        assert run([*KUBESVC, "status"], tmp_path).stdout.startswith("cluster default (pid ")
        again = run([*KUBESVC, "up", "--detach", manifest], tmp_path)
        assert (again.returncode, "kubesvc: cluster default keeps running (pid " in again.stderr) == (0, True)
    finally:
        assert run([*KUBESVC, "down"], tmp_path).stdout == 'cluster "default" stopped\n'


def test_a_foreground_cluster_whose_reader_left_runs_on(manifest: str, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(
        "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}"
    )
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [*KUBESVC, "up", manifest, str(tmp_path / "web.yaml")],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    ) as process:
        os.close(writing)
        assert process.stderr is not None
        # What a Service lacks is said when the cluster is ready; one that is stopped before has failed.
        assert any("Service default/web: It has no selector" in line for line in process.stderr)
        assert run([*KUBESVC, "status"], tmp_path).stdout.startswith("cluster default (pid ")
        process.terminate()
        assert process.stderr.read() == "kubesvc: draining; a second Ctrl-C stops at once\nkubesvc: stopped\n"
    assert process.returncode == 0
