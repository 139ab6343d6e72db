"""Another process that holds a cluster's lock, since a process never meets its own POSIX locks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kubesvc.state.directory import StateDirectory

_HOLDER = """
import signal, sys
from pathlib import Path
from kubesvc.state.directory import StateDirectory
if sys.argv[3] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
state = StateDirectory(sys.argv[1], Path(sys.argv[2]))
with state.cleaning() if sys.argv[4] == "cleaning" else state.locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def lock_holder(
    state: StateDirectory, *, is_stubborn: bool = False, is_cleaning: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Have a process that holds the lock, or cleans up; a stubborn one ends only by SIGKILL, or with the block."""
    how = ["stubborn" if is_stubborn else "", "cleaning" if is_cleaning else ""]
    command = [sys.executable, "-c", _HOLDER, state.name, str(state.path.parent), *how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
