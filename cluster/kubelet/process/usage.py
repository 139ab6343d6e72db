"""What a process and its descendants use, as /proc shows it (Linux Documentation/filesystems/proc.rst)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class TreeUsage(NamedTuple):
    """CPU seconds since the start, of ended descendants too, bytes of memory, and the start in seconds after boot."""

    cpu: float
    memory: int
    started: float


def tree_usage(pid: int) -> TreeUsage | None:
    """Return what a process and its descendants use, None if it is gone."""
    own = _process_usage(pid)
    if own is None:
        return None
    cpu, memory = own.cpu, own.memory
    for child in _children_of(pid):
        if (below := tree_usage(child)) is not None:
            cpu, memory = cpu + below.cpu, memory + below.memory
    return TreeUsage(cpu, memory, own.started)


def _process_usage(pid: int) -> TreeUsage | None:
    try:
        # The name, in parentheses, may have blanks and parentheses itself.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # utime, stime, and those of the children that have ended: fields 14 to 17; starttime is 22, rss 24.
    cpu = sum(int(each) for each in fields[11:15]) / _TICKS
    return TreeUsage(cpu, _memory_of(pid, int(fields[21]) * _PAGE), int(fields[19]) / _TICKS)


def _memory_of(pid: int, resident: int) -> int:
    """Return the bytes of a process, its part of what it shares; all that is ``resident`` if that is not told."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return resident
    return next((int(each.split()[1]) * 1024 for each in lines if each.startswith("Pss:")), resident)


def _children_of(pid: int) -> list[int]:
    """Return the pids of the children of all threads of a process."""
    try:
        found = [(each / "children").read_text() for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    return [int(each) for text in found for each in text.split()]
