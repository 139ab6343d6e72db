"""`kubesvc down`: asks the cluster to drain and stop, waits until it is gone, and makes sure that nothing is left.

Who holds the lock is the truth about what runs. One that does not answer gets SIGTERM, as it may be starting, and
SIGKILL when time is up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence

from kubelet.process.orphans import kill_orphans, marker
from kubesvc.control.client import ControlClient, RefusedError, UnreachableError
from kubesvc.run.kubeconfig import MergeError, take_out
from kubesvc.run.oserrors import oserror_text
from kubesvc.state.directory import AlreadyRunningError, StateDirectory
from kubesvc.terminal.console import unsaved_text
from kubesvc.wording import counted

KILL_SECONDS = 5.0
"""How long the kernel may take to end a killed process; one that waits for a disk can take for ever."""
_POLL_SECONDS = 0.02


class UnsavedError(Exception):
    """The cluster has stopped, and its last changes were not on disk; the text says which."""

    def __init__(self, said: str, unsaved: Sequence[str]) -> None:
        super().__init__(f"{said}; {unsaved_text(unsaved)}")
        self.said = said


def stop_cluster(state: StateDirectory, timeout: float) -> str:
    """Stop the cluster and return what to tell the user; after ``timeout`` s, 0 for never, its processes are killed.

    TimeoutError if even that does not end it, OSError if it may not be ended, UnsavedError.
    """
    owner = state.owner()
    if owner is None:
        return _clean_up(state, "is not running")
    deadline = time.monotonic() + (timeout or float("inf"))
    unsaved: list[str] = []
    try:
        unsaved = ControlClient(state, timeout or None).stop()
    except (UnreachableError, RefusedError):
        _signal(owner, signal.SIGTERM)
    if _has_ended(state, owner, deadline):
        said = _clean_up(state, "stopped")
        if unsaved:
            raise UnsavedError(said, unsaved)
        return said
    _signal(owner, signal.SIGKILL)
    if not _has_ended(state, owner, time.monotonic() + KILL_SECONDS):
        message = f'cluster "{state.name}" (pid {owner}) cannot be killed'
        raise TimeoutError(message)
    return _clean_up(state, "did not stop in time and was killed")


def forget_cluster(state: StateDirectory) -> str:
    """Remove all that is kept of a cluster that does not run; AlreadyRunningError if it does, OSError."""
    if not state.path.is_dir():
        return f'there is nothing kept of cluster "{state.name}"'
    with state.locked():
        state.purge()
    return f'forgot cluster "{state.name}": its objects, its token and its certificate'


def _signal(owner: int, number: signal.Signals) -> None:
    # A process of another container is 0 here, and 0 would be our own group.
    if owner > 0:
        with contextlib.suppress(ProcessLookupError):
            os.kill(owner, number)


def _has_ended(state: StateDirectory, owner: int, deadline: float) -> bool:
    while state.owner() == owner:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _clean_up(state: StateDirectory, what: str) -> str:
    """Kill what a crash has left, while no cluster can start: one that has just started keeps its own processes."""
    said = f'cluster "{state.name}" {what}'
    if not state.path.is_dir():
        return said
    try:
        with state.cleaning():
            left = kill_orphans(marker(state.name, state.path))
            state.control_socket.unlink(missing_ok=True)
            take_out(state.merge_note)
    except AlreadyRunningError:
        return said
    except MergeError as error:
        return f"{said}; {error}"
    except OSError as error:
        return f"{said}; {oserror_text(error)}"
    return f"{said}; ended {counted(len(left), 'process', 'processes')} that it had left" if left else said
