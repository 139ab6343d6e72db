"""How many system calls a cluster makes: `kubesvc up` in the foreground, below a process that counts them."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.cluster.cli import KUBESVC, ClusterCommands, eventually
from tests.helpers.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent


class SystemCalls:
    """The calls of one process and its threads. While traced, it takes several times as long for everything."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def trace(self) -> None:
        """Begin to count; fails the test where the machine does not let a process trace its own descendants."""
        said = self._ask("trace")
        assert not isinstance(said, str), (
            f"{said}: system calls can be counted only where a process may trace its descendants: Linux 5.3 or newer, "
            "kernel.yama.ptrace_scope 0 or 1, and no seccomp filter against ptrace (Docker: --cap-add SYS_PTRACE)"
        )

    def take(self) -> Counter[str]:
        """Return the calls by name since the last time, once the process waits for events."""
        said = self._ask("count")
        assert isinstance(said, dict)
        return Counter(said)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Begin once it waits for events, and hold it at the first one, so that it sees all of the block at once."""
        self._ask("hold")
        try:
            yield
            self._ask("release")
        except BaseException:
            self._ask("free")
            raise

    def _ask(self, question: str) -> str | dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        can_read, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert can_read, f"{question}: the process does not come to that"
        line = self._process.stdout.readline()
        assert line, f"{question}: the process has ended"
        said: str | dict[str, int] = json.loads(line)
        return said


@contextmanager
def below(command: Sequence[str], env: Mapping[str, str]) -> Iterator[SystemCalls]:
    """Run a command for the length of the block, ready to be traced; it may also be ended in it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.systemcalls_process", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield SystemCalls(process)
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@contextmanager
def counting(commands: ClusterCommands, *arguments: str) -> Iterator[SystemCalls]:
    """Have a cluster in the foreground for the length of the block, with its calls counted."""
    with below([*KUBESVC, "up", "--name", commands.name, *arguments], commands.env) as calls:
        assert eventually(lambda: _is_ready(commands)), "the cluster is not ready"
        calls.trace()
        yield calls


def _is_ready(commands: ClusterCommands) -> bool:
    result = commands.named("status", "-o", "json")
    return result.returncode == 0 and bool(json.loads(result.stdout)["ready"])
