"""Control groups, version 2 (Linux Documentation/admin-guide/cgroup-v2.rst): groups of one's own that bound resources.

A group may give its controllers to groups below it only where it has no process itself, and a process may be moved only
by a user who may write the group that the old and the new one have in common: so a folder is looked for from this
process' own group upwards. Where only this process' own family is in the way, it moves down into a group of its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import NamedTuple

CONTROLLERS = ("cpu", "memory", "pids")
"""What is wanted, of which a folder may have a part."""
_OWN = "kubesvc"
_PROCESSES, _BELOW, _AVAILABLE = "cgroup.procs", "cgroup.subtree_control", "cgroup.controllers"


class Delegation(NamedTuple):
    """The ``folder`` in which groups may be made, and its ``controllers``; or ``why_not``, where none is there."""

    folder: Path = Path()
    controllers: tuple[str, ...] = ()
    why_not: str = ""


def find_delegation(proc: Path = Path("/proc/self")) -> Delegation:
    """Return where this process may make groups; nothing is changed."""
    try:
        mounted, own = _mount_point(proc / "mountinfo"), _own_path(proc / "cgroup")
        if mounted is None or own is None:
            return Delegation(why_not="there is no cgroup v2")
        folders = _upwards(mounted, own)
        available = (folders[0] / _AVAILABLE).read_text().split()
    except OSError as error:
        return Delegation(why_not=f"cgroup v2 cannot be read: {error.strerror}")
    if not set(CONTROLLERS) & set(available):
        return Delegation(why_not=f"cgroup v2 has no controller for {', '.join(CONTROLLERS)} in {folders[0]}")
    for folder in folders:
        if controllers := _usable(folder):
            return Delegation(folder, controllers)
    return Delegation(why_not=f"this user may not write {folders[0]}, or other processes are in it")


def _mount_point(mounts: Path) -> Path | None:
    """Return where cgroup v2 is mounted (proc(5): mountinfo)."""
    for line in mounts.read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split()[4])
    return None


def _own_path(groups: Path) -> str | None:
    for line in groups.read_text().splitlines():
        number, _, path = line.split(":", 2)
        if number == "0":
            return path
    return None


def _upwards(mounted: Path, own: str) -> list[Path]:
    """Return a process' group and those above it, as far as they are mounted here."""
    # A path with .. is above the root of this cgroup namespace.
    inside = "" if own.startswith("/..") else own.strip("/")
    folder = mounted / inside
    return [folder, *(each for each in folder.parents if each == mounted or mounted in each.parents)]


def _usable(folder: Path) -> tuple[str, ...]:
    """Return the wanted controllers that groups in a folder can have, () if this process can make none there."""
    if not all(os.access(each, os.W_OK) for each in (folder, folder / _PROCESSES, folder / _BELOW)):
        return ()
    try:
        offered = (folder / _AVAILABLE).read_text().split()
        given = (folder / _BELOW).read_text().split()
        is_free = _is_root(folder) or _is_own_family((folder / _PROCESSES).read_text().split())
    except OSError:
        return ()
    return tuple(each for each in CONTROLLERS if each in given or (each in offered and is_free))


def _is_root(folder: Path) -> bool:
    """Tell whether it is the one group that may have processes and give controllers away."""
    return not (folder / "cgroup.type").exists()


def _is_own_family(processes: Collection[str]) -> bool:
    """Tell whether all are this process, those that it comes from, or those that come from it."""
    own = str(os.getpid())
    ancestors = set(_line(own))
    return all(each in ancestors or own in _line(each) for each in processes)


def _line(process: str) -> Iterator[str]:
    """Yield a process and those that it comes from."""
    while process != "0":
        yield process
        try:
            # The name, in brackets, may have any characters.
            process = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            return


class Cgroups:
    """The groups of one cluster, in a folder of its own; ``close`` removes it, with all that runs in it.

    Without ``controllers`` there is no folder.
    """

    def __init__(self, folder: Path, controllers: Collection[str]) -> None:
        self.folder = folder
        self.controllers = frozenset(controllers)

    @classmethod
    def make(cls, delegation: Delegation, name: str) -> Cgroups:
        """Make a folder ``kubesvc-NAME-PID`` where that may be. Those that ended clusters have left are removed."""
        folder = delegation.folder / f"{_OWN}-{name}-{os.getpid()}"
        if not delegation.controllers:
            return NO_CGROUPS
        try:
            for left in delegation.folder.glob(f"{_OWN}-*-*"):
                if not Path("/proc", left.name.rpartition("-")[2]).exists():
                    _remove_empty(left)
            _move_down(delegation.folder)
            folder.mkdir()
            controllers = [each for each in delegation.controllers if _offer(delegation.folder, each)]
            controllers = [each for each in controllers if _offer(folder, each)]
        except OSError:
            return NO_CGROUPS
        return cls(folder, controllers)

    def add(self, pod: str, container: str, around: Mapping[str, str], settings: Mapping[str, str]) -> Path:
        """Make a container's group, with its ``settings`` by file, in one for its pod, with those ``around``. OSError.

        Settings of a controller that is not there are left out.
        """
        above = self.folder / pod
        above.mkdir(exist_ok=True)
        for each in self.controllers:
            _offer(above, each)
        self.change(above, around)
        group = next(each for each in _names(above / container) if _is_gone(each))
        group.mkdir()
        self.change(group, settings)
        return group

    def change(self, group: Path, settings: Mapping[str, str]) -> None:
        """Write what is set of a group's controllers. OSError."""
        for name, value in settings.items():
            if name.partition(".")[0] in self.controllers and (group / name).exists():
                (group / name).write_text(value)

    def remove(self, group: Path) -> bool:
        """End what still runs in a container's group and remove it; tell whether the kernel killed for memory in it."""
        is_out_of_memory = _was_killed_for_memory(group)
        _remove_all(group)
        with contextlib.suppress(OSError):
            group.parent.rmdir()  # other containers of the pod may be there
        return is_out_of_memory

    def close(self) -> None:
        """Remove everything."""
        if self.controllers:
            _remove_all(self.folder)


NO_CGROUPS = Cgroups(Path(), ())
"""Where none may be made."""


def _move_down(folder: Path) -> None:
    """Move the processes of a group into one below it, as only the root group may keep them."""
    processes = [] if _is_root(folder) else (folder / _PROCESSES).read_text().split()
    if processes:
        below = folder / _OWN
        below.mkdir(exist_ok=True)
        for each in processes:
            with contextlib.suppress(ProcessLookupError):
                (below / _PROCESSES).write_text(each)


def _offer(folder: Path, controller: str) -> bool:
    """Give a controller to the groups below a folder; tell whether they have it."""
    try:
        (folder / _BELOW).write_text(f"+{controller}")
    except OSError:
        return controller in (folder / _BELOW).read_text().split()
    return True


def _names(group: Path) -> Iterator[Path]:
    """Yield names for a group: what is killed in the one before may take a moment to leave it."""
    yield group
    for number in count(1):
        yield group.with_name(f"{group.name}.{number}")


def _is_gone(group: Path) -> bool:
    _remove_all(group)
    return not group.exists()


def setting_of(group: Path, name: str) -> str:
    """Return what a file of a group says, "" where there is no such controller."""
    try:
        return (group / name).read_text().strip()
    except OSError:
        return ""


def _was_killed_for_memory(group: Path) -> bool:
    try:
        lines = (group / "memory.events").read_text().splitlines()
    except OSError:
        return False
    return any(line.split()[0] == "oom_kill" and line.split()[1] != "0" for line in lines)


def _remove_all(folder: Path) -> None:
    """Kill what runs in a group and below, and remove what can be removed: a killed process may take a moment."""
    with contextlib.suppress(OSError):
        (folder / "cgroup.kill").write_text("1")
    _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """Remove a group and those below it, unless there are processes."""
    for each in _deepest_first(folder):
        with contextlib.suppress(OSError):
            each.rmdir()


def _deepest_first(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for each in folder.iterdir():
            if each.is_dir():
                yield from _deepest_first(each)
    yield folder
