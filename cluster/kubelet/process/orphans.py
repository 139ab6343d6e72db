"""Finding and killing the processes that a killed cluster has left running.

Pod processes carry marks in their environment. nginx overwrites its own, so its workers are known by their working
directory, which no other process has.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

CLUSTER_MARK, STATE_MARK = "KUBESVC_CLUSTER", "KUBESVC_STATE"


def marker(cluster: str, state_dir: Path) -> dict[str, str]:
    """Return the environment that marks every process of a cluster."""
    return {CLUSTER_MARK: cluster, STATE_MARK: str(state_dir)}


def kill_orphans(cluster_marker: Mapping[str, str]) -> list[int]:
    """Kill every process of this user that has the whole marker in its environment, and return their pids.

    To be called before a cluster starts, never while it runs.
    """
    wanted = {f"{name}={value}".encode() for name, value in cluster_marker.items()}
    folder = cluster_marker.get(STATE_MARK, "")
    return [pid for pid in _own_processes() if _is_marked(pid, wanted, folder) and _kill(pid)]


def kill_sessions(sessions: Set[int]) -> int:
    """Kill the processes of these sessions (each container has its own); return how many there still were."""
    return sum(_kill(pid) for pid in _own_processes() if _session(pid) in sessions) if sessions else 0


def _session(pid: int) -> int:
    """Return the session of a process, -1 if it is gone or a zombie."""
    try:
        state, _, _, session = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return -1
    return -1 if state in "ZX" else int(session)


def _own_processes() -> Iterator[int]:
    me, uid = os.getpid(), os.getuid()
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal() or int(entry.name) == me:
            continue
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == uid:
                yield int(entry.name)


def _is_marked(pid: int, wanted: Set[bytes], folder: str) -> bool:
    process = Path(f"/proc/{pid}")
    try:
        if wanted and wanted <= set((process / "environ").read_bytes().split(b"\0")):
            return True
        is_nginx = (process / "comm").read_text().strip() == "nginx"
        return is_nginx and bool(folder) and (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    return True
