"""Which processes descend from this one, as /proc shows them, and how to kill them."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from kubelet.process.protocol import CONTAINER_MARK


def children_of(pid: int) -> list[int]:
    """Return the pids of a process's children, [] if it is gone."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def catches(pid: int, number: int) -> bool:
    """Tell whether a process has a handler for a signal; True if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return True
    caught = next((int(each.split()[1], 16) for each in lines if each.startswith("SigCgt:")), 0)
    return bool(caught >> (number - 1) & 1)


def kill_tree(pid: int) -> None:
    """Kill a process and its descendants, parents first, so that none is started meanwhile."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGSTOP)
    below = children_of(pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    for each in below:
        kill_tree(each)


def session_of(pid: int) -> int:
    """Return a process's session, -1 if it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def container_of(pid: int) -> str:
    """Return the container that a process's environment names, "" if it names none."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    start = f"{CONTAINER_MARK}=".encode()
    return next((each[len(start) :].decode() for each in variables if each.startswith(start)), "")
