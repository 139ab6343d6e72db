"""Starts the generator's process and reads what it sees."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from svcbench.load.log import Frames, Log, Rows
from svcbench.load.plan import Plan, plan_text

_AT_ONCE = 1 << 20
COMMAND = (sys.executable, "-P", "-m", "svcbench.load.io")
_OF_THE_GROUP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a terminal or timeout(1) sends to a whole process group."""


class GeneratorError(Exception):
    """The generator's process ended without a result; says what it printed."""


@contextmanager
def _blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_GROUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Load:
    """One run of the generator; ``log`` is what has come so far."""

    def __init__(self, plan: Plan, command: Sequence[str] = COMMAND) -> None:
        """Start the process. OSError."""
        self.log = Log()
        self._frames = Frames()
        pipe = subprocess.PIPE
        # It is the command that decides about the end, by closing the pipe; a process inherits what is blocked.
        with _blocked():
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(plan_text(plan).encode() + b"\n")
        self._process.stdin.flush()

    def follow(self, seconds: float) -> Iterator[Rows]:
        """Yield rows as they come until the run has ended; empty ones after ``seconds`` without. GeneratorError."""
        output = self._process.stdout
        assert output is not None
        while True:
            if not select.select((output,), (), (), seconds)[0]:
                yield Rows()
                continue
            content = os.read(output.fileno(), _AT_ONCE)
            if not content:
                break
            yield from filter(None, (self.log.take(*each) for each in self._frames.feed(content)))
        if self.log.ended is None:
            raise GeneratorError(self._last_words())

    def stop(self) -> None:
        """Let the run end now; ``follow`` then yields the rest."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def close(self) -> None:
        """End the process, and release its pipes."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _last_words(self) -> str:
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        status = self._process.wait()
        return f"the load generator ended with status {status}: {said[-1] if said else 'it printed nothing'}"
