"""Mounts, in the mount namespace of the calling process, and folders in which anything can be made.

It only does what it is told: ``rootfs`` decides what a container sees. Every function raises OSError with the path that
it is about.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kubehost.io.namespaces import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    mount,
    pivot_root,
    unmount,
)
from kubelet.sandbox.mounttable import visible_mounts

MS_NOATIME, MS_NODIRATIME, MS_RELATIME = 1 << 10, 1 << 11, 1 << 21
OLD_ROOT = ".old-root"
"""Where the old root is, below the new one, while that is made."""
_KEPT_FLAGS = {
    os.ST_NOSUID: MS_NOSUID,
    os.ST_NODEV: MS_NODEV,
    os.ST_NOEXEC: MS_NOEXEC,
    os.ST_NOATIME: MS_NOATIME,
    os.ST_NODIRATIME: MS_NODIRATIME,
    os.ST_RELATIME: MS_RELATIME,
}
"""Flags that a user namespace may not take away from a mount of the machine: to ask for less is EPERM."""


def bind(source: str, target: str) -> None:
    """Mount a file or folder once more, with what is mounted below it."""
    mount(source, target, flags=MS_BIND | MS_REC)


def make_private(path: str) -> None:
    """Let no later mount at or below ``path`` reach another namespace, nor come from one."""
    mount("", path, flags=MS_REC | MS_PRIVATE)


def make_read_only(path: str) -> None:
    """Make the mount at ``path`` read-only; those below it stay as they are."""
    flags = os.statvfs(path).f_flag
    kept = sum(ours for theirs, ours in _KEPT_FLAGS.items() if flags & theirs)
    mount("", path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def mount_tmpfs(target: str, size: int = 0, mode: int = 0o755, flags: int = MS_NOSUID | MS_NODEV) -> None:
    """Mount an empty tmpfs of ``size`` bytes, 0 for the kernel's default (half of the machine's memory)."""
    limit = f",size={size}" if size else ""
    mount("tmpfs", target, "tmpfs", flags, f"mode={mode:o}{limit}")


def mount_points() -> list[str]:
    """Return the paths of the mounts of this namespace that can be reached, each after the one that it is on."""
    with Path("/proc/self/mountinfo").open("rb") as lines:
        return list(visible_mounts(lines))


def by_descriptor(descriptor: int) -> str:
    """Return a path to an open file or folder, whatever is mounted over its own path by now."""
    return f"/proc/self/fd/{descriptor}"


def make_target(path: str, *, is_folder: bool) -> None:
    """Make an empty folder or file on which something can be mounted."""
    if is_folder:
        Path(path).mkdir(mode=0o755)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))


def cover_with_overlay(folder: str) -> None:
    """Let anything be made in ``folder`` without touching the machine's: changes go to a tmpfs.

    What is mounted below it is hidden. EINVAL and EPERM where the kernel has no overlay for user namespaces (before
    5.11), or cannot put one on this file system.
    """
    lower = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mode = stat.S_IMODE(os.fstat(lower).st_mode)
    mount_tmpfs(folder)
    try:
        scratch = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        os.mkdir("upper", dir_fd=scratch)
        os.mkdir("work", dir_fd=scratch)
        # The folder's own mode is that of the upper one: mkdir alone is subject to the umask.
        os.chmod("upper", mode, dir_fd=scratch)
        tops = by_descriptor(scratch)
        options = f"lowerdir={by_descriptor(lower)},upperdir={tops}/upper,workdir={tops}/work,userxattr"
        mount("overlay", folder, "overlay", MS_NOSUID | MS_NODEV, options)
        os.close(scratch)
    except OSError:
        unmount(folder)
        raise
    finally:
        os.close(lower)


def cover_with_entries(folder: str) -> None:
    """Let anything be made in ``folder``: a tmpfs on which the machine's entries are mounted, each where it was.

    An entry that cannot be looked at, as the server of a network file system is gone, is left out.
    """
    below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        names = os.listdir(below)  # noqa: PTH208 - the folder is about to be hidden: only its descriptor leads to it
        mount_tmpfs(folder, mode=stat.S_IMODE(os.fstat(below).st_mode))
        for name in names:
            _show_entry(below, name, f"{folder}/{name}")
    finally:
        os.close(below)


def replace_root() -> None:
    """Let anything be made in ``/``, as ``cover_with_entries`` does: the new root is a tmpfs."""
    below = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    names = os.listdir(below)  # noqa: PTH208 - the folder is about to be hidden: only its descriptor leads to it
    # The new root is built on one of the old one's folders, which it hides meanwhile; /proc is needed for the work.
    stage = next(each for each in names if each != "proc" and _is_folder(below, each))
    mount_tmpfs(f"/{stage}")
    for name in names:
        if name != stage:
            _show_entry(below, name, f"/{stage}/{name}")
    os.close(below)
    os.chdir(f"/{stage}")
    make_target(OLD_ROOT, is_folder=True)
    pivot_root(".", OLD_ROOT)
    os.chdir("/")
    make_target(stage, is_folder=True)
    bind(f"{OLD_ROOT}/{stage}", stage)
    unmount(OLD_ROOT)
    Path(OLD_ROOT).rmdir()


def _is_folder(below: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=below, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _show_entry(below: int, name: str, target: str) -> None:
    """Show an entry of an open folder at ``target``: a link is made again, anything else is mounted."""
    try:
        mode = os.stat(name, dir_fd=below, follow_symlinks=False).st_mode
    except OSError:
        return
    if stat.S_ISLNK(mode):
        Path(target).symlink_to(os.readlink(name, dir_fd=below))
        return
    make_target(target, is_folder=stat.S_ISDIR(mode))
    bind(f"{by_descriptor(below)}/{name}", target)
