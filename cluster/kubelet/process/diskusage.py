"""How much containers have written: into folders of this machine, and into file systems of their own in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from kubelet.sandbox.mounttable import FileSystem, file_systems

_WRITABLE = ("tmpfs", "overlay")
_BLOCK = 512
"""Bytes of the unit in which stat(2) counts."""


def folder_usage(folder: Path) -> int:
    """Return the bytes of all files below a folder, as they are on disk; what vanishes meanwhile does not count."""
    total = 0
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files):
            try:
                total += Path(top, name).lstat().st_blocks * _BLOCK
            except OSError:
                continue
    return total


def memory_usage(pid: int, without: Iterable[str]) -> int:
    """Return the bytes in the file systems that a process alone has; not of those mounted at the paths ``without``.

    A container's root is such a file system, and so is what lies over a folder of the machine. 0 if it is gone.
    """
    try:
        ours = {each.device for each in _mounts("self").values()}
        mounts = _mounts(str(pid))
    except OSError:
        return 0
    spared = set(without)
    own = (
        path
        for path, each in mounts.items()
        if each.kind in _WRITABLE and each.device not in ours and path not in spared
    )
    return sum(_used(f"/proc/{pid}/root{path}") for path in own)


def _mounts(process: str) -> dict[str, FileSystem]:
    with Path(f"/proc/{process}/mountinfo").open("rb") as lines:
        return file_systems(lines)


def _used(path: str) -> int:
    try:
        found = os.statvfs(path)
    except OSError:
        return 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize
