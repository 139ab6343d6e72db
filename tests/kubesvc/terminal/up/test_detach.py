"""A cluster in the background, as the one who waits for it sees it; whole processes, since they fork."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import eventually
from tests.helpers.patience import PATIENCE

PROGRAM = """
import os, signal, sys, time
from kubesvc.terminal.console import Console
from kubesvc.terminal.up.detach import detach

def serve(caller):
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    caller.console.say("starting", f"leads its session: {os.getsid(0) == os.getpid()}")
    caller.redirect(log)
    print("for the log", flush=True)
    BODY

console = Console(sys.stdout, sys.stderr)
console.warn(f"status {detach(serve, console)}")
"""


def run(tmp_path: Path, body: str) -> tuple[str, str, str]:
    """Run a caller to its end; return what it printed, and what is in the log then."""
    program = PROGRAM.replace("BODY", body.replace("\n", "\n    "))
    log = tmp_path / "log"
    command = [sys.executable, "-c", program, str(log)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return result.stdout, result.stderr, log.read_text()


STARTING = "starting\nleads its session: True\n"


@pytest.mark.parametrize("status", [0, 4])
def test_the_caller_goes_on_when_it_is_told_though_the_cluster_runs_on(tmp_path: Path, status: int) -> None:
    body = f"""\
caller.console.say("ready")
caller.release({status})
caller.console.warn("only for the log")
print(os.getpid(), flush=True)
signal.pause()"""
    out, err, _ = run(tmp_path, body)
    assert (out, err) == (f"{STARTING}ready\n", f"status {status}\n")
    log = tmp_path / "log"
    found = eventually(lambda: re.search(r"^(\d+)\n", log.read_text(), re.MULTILINE))
    assert found is not None
    pid = int(found[1])
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, 0)
    os.kill(pid, signal.SIGKILL)
    assert log.read_text() == f"for the log\nonly for the log\n{pid}\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param("return 2", "status 2\n", id="returns"),
        pytest.param("raise ZeroDivisionError", "status 1\n", id="raises"),
        pytest.param("sys.exit(3)", "status 1\n", id="exits"),
        pytest.param(
            "os.kill(os.getpid(), signal.SIGKILL)",
            "kubesvc: the cluster was ended by SIGKILL before it was ready\nstatus 1\n",
            id="is-killed",
        ),
    ],
)
def test_a_cluster_that_never_gets_ready_ends_the_wait(tmp_path: Path, body: str, said: str) -> None:
    out, err, log = run(tmp_path, body)
    assert (out, err, log) == (STARTING, said, "for the log\n")


def test_a_caller_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    body = """\
parent = os.getppid()
os.kill(parent, signal.SIGKILL)
while os.getppid() == parent: time.sleep(0.001)
caller.release(0)
caller.console.say("alive")"""
    program = PROGRAM.replace("BODY", body.replace("\n", "\n    "))
    log = tmp_path / "log"
    with subprocess.Popen([sys.executable, "-c", program, str(log)], stdout=subprocess.PIPE, text=True) as process:
        assert process.wait(30) == -signal.SIGKILL
        assert process.stdout is not None
        # It ends when the child has let go of the caller's stdout.
        assert process.stdout.read() == STARTING
    assert eventually(lambda: "alive" in log.read_text())
