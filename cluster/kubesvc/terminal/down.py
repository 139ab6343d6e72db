"""`kubesvc down`: asks the cluster to drain and stop, waits for its end, and kills leftovers.

The holder of the lock is the running cluster. If it does not answer, as it may be starting, it gets SIGTERM, and
SIGKILL after the timeout.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence

from kubelet.process.orphans import kill_orphans, marker
from kubesvc.control.client import ControlClient, RefusedError, UnreachableError
from kubesvc.remote.connect.hostsfile import HostsFile
from kubesvc.run.api.kubeconfig import MergeError, take_out
from kubesvc.run.oserrors import oserror_text
from kubesvc.state.directory import AlreadyRunningError, StateDirectory
from kubesvc.terminal.console import unsaved_text
from kubesvc.wording import counted

KILL_SECONDS = 5.0
"""How long the kernel may take to end a killed process; one that waits for a disk can hang."""
_POLL_SECONDS = 0.02


class UnsavedError(Exception):
    """The cluster has stopped and its last changes are not on disk; the text names the objects."""

    def __init__(self, said: str, unsaved: Sequence[str]) -> None:
        super().__init__(f"{said}; {unsaved_text(unsaved)}")
        self.said = said


def stop_cluster(state: StateDirectory, timeout: float) -> str:
    """Stop the cluster and return the message for the user. Its processes are killed after ``timeout`` s, 0 for never.

    TimeoutError if they survive that, OSError without the permission to end them, UnsavedError.
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
    """Delete the state of a stopped cluster; AlreadyRunningError if it runs, OSError."""
    if not state.path.is_dir():
        return f'cluster "{state.name}" has no saved state'
    with state.locked():
        state.purge()
    return f'deleted cluster "{state.name}": its objects, its token and its certificate'


def _signal(owner: int, number: signal.Signals) -> None:
    # The owner is 0 if it is in another container; kill(0) would signal this process' own group.
    if owner > 0:
        with contextlib.suppress(ProcessLookupError):
            os.kill(owner, number)


def _has_ended(state: StateDirectory, owner: int, deadline: float) -> bool:
    while state.owner() == owner:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _end_leftovers(state: StateDirectory) -> set[int]:
    """Kill what a crashed run has left, and what that has forked meanwhile; returns the pids once they are gone."""
    deadline = time.monotonic() + KILL_SECONDS
    killed: set[int] = set()
    while found := kill_orphans(marker(state.name, state.path)):
        killed.update(found)
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    return killed


def _clean_up(state: StateDirectory, what: str) -> str:
    """Kill the processes of a crashed run. No cluster can start meanwhile, so that no new process is hit."""
    said = f'cluster "{state.name}" {what}'
    try:
        if not state.path.is_dir():
            HostsFile(state.name).write(())  # a later run of the name, without --hosts, took the folder with it
            return said
        with state.cleaning():
            left = _end_leftovers(state)
            state.control_socket.unlink(missing_ok=True)
            take_out(state.merge_note)
            HostsFile(state.name).write(())
            if state.kubeconfig.exists() and not state.database.exists():
                state.purge()  # a mirror's, of which nothing is kept; a cluster of its own has its objects first
    except AlreadyRunningError:
        return said
    except MergeError as error:
        return f"{said}; {error}"
    except OSError as error:
        return f"{said}; {oserror_text(error)}"
    return f"{said}; ended {counted(len(left), 'process', 'processes')} that it had left" if left else said
