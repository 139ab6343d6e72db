"""A real cluster for a story, through the command line as a user would type it, in a state directory of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

KUBESVC = (sys.executable, "-m", "kubesvc")
COMMAND_SECONDS = 60.0
"""Bound of one command; nothing here takes a tenth of it on a quiet machine."""


def find(items: list[dict[str, Any]], **wanted: object) -> dict[str, Any]:
    """Return the one item with these values."""
    found = [item for item in items if all(item[key] == value for key, value in wanted.items())]
    assert len(found) == 1, (wanted, items)
    return found[0]


def eventually(question: Callable[[], T], seconds: float = 20.0) -> T:
    """Return the first true answer; the last one when time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class ClusterCommands:
    """`kubesvc` with one cluster name and one state directory."""

    def __init__(self, state_home: Path, name: str = "default", env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.state = state_home / "kubesvc" / name
        self.env = {**os.environ, "XDG_STATE_HOME": str(state_home), **(env or {})}

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [*KUBESVC, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.env,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def up(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `kubesvc up --detach` to its end."""
        return self.run("up", "--detach", "--name", self.name, *arguments, stdin=stdin)

    def down(self) -> subprocess.CompletedProcess[str]:
        """Run `kubesvc down`."""
        return self.run("down", "--name", self.name)

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        result = self.run("status", "--name", self.name, "-o", "json")
        assert result.returncode == 0, result.stderr
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    def service(self, name: str, namespace: str = "default") -> dict[str, Any]:
        """Return one Service of the status document."""
        return find(self.status()["services"], name=name, namespace=namespace)

    def pods(self, prefix: str) -> list[dict[str, Any]]:
        """Return the pods whose names begin so."""
        return [pod for pod in self.status()["pods"] if pod["name"].startswith(prefix)]

    @contextmanager
    def foreground(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run `kubesvc up` in the foreground until the block ends."""
        process = subprocess.Popen(
            [*KUBESVC, "up", "--name", self.name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            except ValueError:
                process.wait()


@contextmanager
def running(commands: ClusterCommands, *arguments: str, stdin: str = "") -> Iterator[ClusterCommands]:
    """Have a ready cluster for the length of the block."""
    result = commands.up(*arguments, stdin=stdin)
    try:
        assert result.returncode == 0, f"{result.returncode}\n{result.stdout}\n{result.stderr}"
        yield commands
    finally:
        commands.down()


def curl(url: str, *arguments: str) -> str:
    """Return the body that curl prints; fails the test when curl fails."""
    result = subprocess.run(
        ["curl", "-sS", "--max-time", "10", *arguments, url], capture_output=True, text=True, timeout=20, check=False
    )
    assert result.returncode == 0, f"curl {url}: {result.stderr}"
    return result.stdout


def dig(*arguments: str, server: str = "127.0.0.1", port: int = 53) -> list[str]:
    """Return the lines of `dig +short`, sorted."""
    result = subprocess.run(
        ["dig", f"@{server}", "-p", str(port), "+short", "+tries=2", "+time=3", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 0, f"dig {arguments}: {result.stdout}{result.stderr}"
    return sorted(result.stdout.split("\n")[:-1])
