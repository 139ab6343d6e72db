"""A real cluster for a story, through the command line as a user would type it, in a state directory of its own.

Every command is checked for tracebacks, and so is the cluster's log when the story ends. What answers where comes from
the status document, never from what the story believes: ports below 1024 move for an ordinary user.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.helpers.cluster.ground import is_alive, left_listening, processes_of, readable_by_others
from tests.helpers.patience import PATIENCE

from kubesvc.control.client import ControlClient
from kubesvc.state.directory import StateDirectory

T = TypeVar("T")
Item = dict[str, Any]

KUBESVC = (sys.executable, "-m", "kubesvc")


def find(items: list[Item], **wanted: object) -> Item:
    """Return the one item with these values."""
    found = [item for item in items if all(item[key] == value for key, value in wanted.items())]
    assert len(found) == 1, (wanted, items)
    return found[0]


def eventually(question: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Return the first true answer; the last one when time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


class ClusterCommands:
    """`kubesvc` with one cluster name and one state directory."""

    def __init__(self, state_home: Path, name: str = "default", env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.state = state_home / "kubesvc" / name
        self.started: subprocess.CompletedProcess[str]
        """How the last `kubesvc up --detach` ended."""
        self.env = {**os.environ, "XDG_STATE_HOME": str(state_home), **(env or {})}

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        result = subprocess.run(
            [*KUBESVC, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.env,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in result.stdout + result.stderr, result.stdout + result.stderr
        return result

    def named(self, command: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command for this cluster to its end."""
        return self.run(command, "--name", self.name, *arguments, stdin=stdin)

    def up(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `kubesvc up --detach` to its end."""
        self.started = self.named("up", "--detach", *arguments, stdin=stdin)
        return self.started

    def down(self) -> subprocess.CompletedProcess[str]:
        """Run `kubesvc down`."""
        return self.named("down")

    def scale(self, target: str, replicas: int) -> None:
        """Run `kubesvc scale`."""
        result = self.named("scale", target, f"--replicas={replicas}")
        assert result.returncode == 0, result.stderr

    def log(self) -> str:
        """Return what a detached cluster has written since it was ready."""
        return (self.state / "kubesvc.log").read_text()

    def status(self) -> Item:
        """Return the status document, as `kubesvc status -o json` prints it: asked for too often to start a process."""
        return ControlClient(StateDirectory(self.name, self.state.parent)).status()

    def service(self, name: str, namespace: str = "default") -> Item:
        """Return one Service of the status document."""
        return find(self.status()["services"], name=name, namespace=namespace)

    def listener(self, service: str, kind: str = "clusterIP", address: str = "", namespace: str = "default") -> Item:
        """Return the only TCP listener of a kind that a Service has, or the only one at an address."""
        wanted = {"kind": kind, "protocol": "TCP", **({"address": address} if address else {})}
        return find(self.service(service, namespace)["listeners"], **wanted)

    def at(self, service: str, kind: str = "clusterIP", address: str = "", namespace: str = "default") -> str:
        """Return ``address:port`` of a listener once it is bound."""
        assert eventually(lambda: self.listener(service, kind, address, namespace)["bound"]), self.status()
        listener = self.listener(service, kind, address, namespace)
        return f"{listener['address']}:{listener['port']}"

    def pods(self, prefix: str = "", namespace: str = "default") -> list[Item]:
        """Return the pods of a namespace whose names begin so."""
        return [
            pod for pod in self.status()["pods"] if pod["name"].startswith(prefix) and pod["namespace"] == namespace
        ]

    def ready_pods(self, prefix: str = "", namespace: str = "default") -> list[Item]:
        """Return those pods that are ready."""
        return [pod for pod in self.pods(prefix, namespace) if pod["ready"]]

    def dig(self, *question: str, server: str = "") -> list[str]:
        """Ask the cluster's DNS, at its own address or another one that it has."""
        bound = [each for each in self.status()["dns"]["addresses"] if not each["error"]]
        chosen = find(bound, address=server) if server else bound[0]
        return dig(*question, server=chosen["address"], port=chosen["port"])

    def foreground(self, *arguments: str) -> Foreground:
        """Start `kubesvc up` as a terminal does; to be used as a context."""
        return Foreground(self, arguments)


class Foreground:
    """`kubesvc up` in the foreground: a process group of its own, with its output in files."""

    def __init__(self, commands: ClusterCommands, arguments: tuple[str, ...]) -> None:
        self.commands = commands
        self._arguments = arguments
        self._folder = commands.state.parent.parent
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Foreground:
        """Start it."""
        with self._path("out").open("wb") as out, self._path("err").open("wb") as err:
            self.process = subprocess.Popen(
                [*KUBESVC, "up", "--name", self.commands.name, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.commands.env,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_exception: object) -> None:
        """End it, and look for tracebacks."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
        assert "Traceback" not in self.out() + self.err(), self.err()

    def out(self) -> str:
        """Return what it has printed so far."""
        return self._path("out").read_text()

    def err(self) -> str:
        """Return what it has complained of so far."""
        return self._path("err").read_text()

    def wait_until_ready(self) -> None:
        """Return once the last line of the start is there."""
        assert eventually(lambda: "kubesvc: ready" in self.out() or self.process.poll() is not None), self.err()
        assert "kubesvc: ready" in self.out(), self.err()

    def interrupt(self) -> None:
        """Send what Ctrl-C sends: SIGINT to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> int:
        """Return the exit status."""
        return self.process.wait(PATIENCE)

    def _path(self, stream: str) -> Path:
        return self._folder / f"{self.commands.name}.{stream}"


@contextmanager
def running(
    commands: ClusterCommands, *arguments: str, stdin: str = "", exit_status: int = 0
) -> Iterator[ClusterCommands]:
    """Have a cluster for the length of the block, and make sure that it leaves nothing behind."""
    result = commands.up(*arguments, stdin=stdin)
    try:
        assert result.returncode == exit_status, f"{result.returncode}\n{result.stdout}\n{result.stderr}"
        yield commands
    except BaseException:
        commands.down()
        raise
    end(commands)


def end(commands: ClusterCommands) -> None:
    """Stop a cluster and assert that nothing of it is left: no process, no listener, no open file, no traceback."""
    before = commands.status()
    result = commands.down()
    assert result.returncode == 0, result.stderr
    assert result.stdout == f'cluster "{commands.name}" stopped\n'
    assert_nothing_left(commands, before)
    assert readable_by_others(commands.state) == []
    assert "Traceback" not in commands.log(), commands.log()


def assert_nothing_left(commands: ClusterCommands, before: Item) -> None:
    """Assert that neither a process nor a listener of the cluster with this status document is there."""
    pids = {each["pid"] for pod in before["pods"] for each in pod["containers"] if each["pid"]} | {before["pid"]}
    # The interpreter has still to end when the lock is free, which is what `down` waits for.
    assert eventually(lambda: not {pid for pid in pids if is_alive(pid)})
    assert not processes_of(commands.state)
    assert not left_listening(before)


def curl(url: str, *arguments: str) -> str:
    """Return the body that curl prints; fails the test when curl fails."""
    result = curl_result(url, *arguments)
    assert result.returncode == 0, f"curl {url}: {result.stderr}"
    return result.stdout


def curl_result(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run curl to its end."""
    return subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--max-time", str(PATIENCE // 2), *arguments, url],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def answering_pods(at: str, times: int, *arguments: str) -> list[str]:
    """Return which pod answered each of several requests of one curl, every request on a connection of its own.

    The first request that fails, fails the test: curl's own exit status is that of the last one.
    """
    said = curl(
        f"http://{at}/?[1-{times}]",
        "--fail-early",
        "-H",
        "Connection: close",
        "-D",
        "-",
        "-o",
        os.devnull,
        "--no-progress-meter",
        *arguments,
    )
    return re.findall(r"(?im)^x-pod: (\S+)", said)


def dig(*arguments: str, server: str = "127.0.0.1", port: int = 53) -> list[str]:
    """Return the lines of `dig +short`, sorted."""
    result = subprocess.run(
        ["dig", f"@{server}", "-p", str(port), "+short", "+tries=2", f"+time={PATIENCE // 10}", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 0, f"dig {arguments}: {result.stdout}{result.stderr}"
    return sorted(result.stdout.split("\n")[:-1])
