"""The system calls of Linux namespaces and mounts that Python 3.11 does not have; each raises OSError.

See unshare(2), setns(2), mount(2), pivot_root(2), prctl(2). The agent loads this file, so it imports ctypes alone.
"""

from __future__ import annotations

import ctypes
import os

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    *(0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000),
    *(0x20000000, 0x40000000),
)
"""linux/sched.h: CLONE_NEWNS is that of mounts."""

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE, MS_SLAVE = 1 << 12, 1 << 13, 1 << 14, 1 << 18, 1 << 19
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT = 428, 429
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH = 1, 4
"""linux/mount.h; both calls have these numbers on every machine, and came with Linux 5.2."""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, name: str, subject: str = "") -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", subject or None)


def unshare(flags: int) -> None:
    """Leave the namespaces of these kinds for new ones; NEWPID is for the children of this process only."""
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, flags: int) -> None:
    """Enter the namespace of a descriptor (of /proc/PID/ns/), or with a pidfd those of a process, of these kinds."""
    _checked(_libc.setns(descriptor, flags), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system, or change a mount; ``kind`` is its type, ``options`` are those of the file system."""
    texts = (os.fsencode(each) if each else None for each in (source, target, kind))
    data = os.fsencode(options) if options else None
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), data), "mount", target)


def unmount(target: str) -> None:
    """Unmount: it leaves the tree at once and ends when nobody uses it any more."""
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), "umount", target)


def copy_mounts(descriptor: int) -> int:
    """Return the descriptor of a copy of an open file or folder with what is mounted below it now, mounted nowhere."""
    flags = _OPEN_TREE_CLONE | _AT_EMPTY_PATH | _AT_RECURSIVE | os.O_CLOEXEC
    copy: int = _libc.syscall(_SYS_OPEN_TREE, descriptor, b"", ctypes.c_uint(flags))
    _checked(copy, "open_tree")
    return copy


def attach_mounts(descriptor: int, target: str) -> None:
    """Mount what ``copy_mounts`` returned."""
    number, flags = _SYS_MOVE_MOUNT, ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH)
    _checked(_libc.syscall(number, descriptor, b"", _AT_FDCWD, os.fsencode(target), flags), "move_mount", target)


def pivot_root(new_root: str, old_root: str) -> None:
    """Make the mount ``new_root`` the root of this mount namespace, and put the old one on ``old_root``."""
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _checked(_libc.syscall(number, os.fsencode(new_root), os.fsencode(old_root)), "pivot_root", new_root)


def set_hostname(name: str) -> None:
    """Set the host name of this UTS namespace."""
    encoded = name.encode()
    _checked(_libc.sethostname(encoded, len(encoded)), "sethostname")


def prctl(option: int, argument: int | bytes) -> None:
    """Change this process; ``option`` is one of the PR_ constants."""
    value = ctypes.c_char_p(argument) if isinstance(argument, bytes) else ctypes.c_ulong(argument)
    _checked(_libc.prctl(option, value, 0, 0, 0), "prctl")
