"""Load on a Service from a process of its own, and what it has counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.cluster.cli import eventually
from tests.helpers.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Tally:
    """Answers by their text, failures by their reason."""

    answers: dict[str, int]
    failures: dict[str, int]

    @property
    def requests(self) -> int:
        """How many requests have come to their end."""
        return sum(self.answers.values()) + sum(self.failures.values())


class Load:
    """A running load generator."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tally(self) -> Tally:
        """Return what it has counted so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        counted = json.loads(self._process.stdout.readline())
        return Tally(counted["answers"], counted["failures"])

    def goes_on(self, requests: int = 200) -> Tally:
        """Return the tally once so many more requests have come to their end."""
        wanted = self.tally().requests + requests
        assert eventually(lambda: self.tally().requests >= wanted), self.tally()
        return self.tally()


@contextmanager
def load_on(at: str, *, clients: int = 4, is_kept_alive: bool = False) -> Iterator[Load]:
    """Have load on ``address:port`` for the length of the block."""
    host, _, port = at.rpartition(":")
    keep_alive = "keep-alive" if is_kept_alive else "close"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.load_process", host, port, str(clients), keep_alive],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield Load(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
