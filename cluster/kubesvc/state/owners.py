"""Names the cluster that has a port, where a message would otherwise name a process.

The other clusters are found by the locks in the state directories next to this one; a process that descends from the
process of a cluster belongs to that cluster.
"""

from __future__ import annotations

from pathlib import Path

from kubeproxy.portowner import PortOwner
from kubesvc.state.directory import StateDirectory


def neighbours(state: StateDirectory) -> list[StateDirectory]:
    """Return the directories of the other clusters of this user."""
    root = state.path.parent
    try:
        names = sorted(each.name for each in root.iterdir() if each.is_dir() and each.name != state.name)
    except OSError:
        return []
    return [StateDirectory(each, root) for each in names]


def owner_name(state: StateDirectory, owner: PortOwner) -> str:
    """Return the name of the owner of a port: another cluster, else the process."""
    ancestors = ancestors_of(owner.pid)
    for other in neighbours(state):
        if (pid := other.owner()) in ancestors:
            return f'cluster "{other.name}" (pid {pid})'
    return str(owner)


def ancestors_of(pid: int) -> frozenset[int]:
    """Return the pids of a process and its ancestors, init left out."""
    found: set[int] = set()
    while pid > 1 and pid not in found:
        found.add(pid)
        # The command, in parentheses, may contain spaces and parentheses; state and parent pid follow the last one.
        after = _stat(pid).rpartition(")")[2].split()
        pid = int(after[1]) if len(after) > 1 else 0
    return frozenset(found)


def _stat(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
