"""What a container sees of the file system: the machine's, with a few places of its own and its volumes.

``build`` runs in a forked child that is process 1 of its PID namespace, in a new mount namespace; nothing that it does
touches the machine's files, but for volumes that are the machine's own (hostPath). The root is a tmpfs that shows the
machine's entries, so that a program can make others. A mount point that the machine does not have is made in the
container alone: its folder gets an overlay if it is one of the system's, otherwise it is made as the root is, so that
what a program writes into a developer's folders stays there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from kubehost.errortexts import errno_text
from kubehost.io.namespaces import attach_mounts, copy_mounts
from kubelet.sandbox.io import kernelfolders, mounting
from kubelet.sandbox.io.sources import RootError, is_at_or_below, mount_error, open_source
from kubelet.spec.sandbox import Mount, Root

SYSTEM_FOLDERS = (
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/sbin",
    "/srv",
    "/usr",
    "/var",
)
"""Folders of the machine in which no program of a developer keeps its files."""


def build(root: Root) -> None:
    """Mount everything of ``root``; RootError. The caller has called unshare(CLONE_NEWNS)."""
    try:
        tree = _Tree(root)
        tree.build()
    except OSError as error:
        where = f' "{error.filename}"' if error.filename else ""
        raise RootError(f"error preparing rootfs{where}: {errno_text(error)}") from error


class _Tree:
    """The file tree of one container while it is made.

    ``_made`` are folders in which mount points may be made, ``_volumes`` those in which, and below which, they may be.
    ``_copies`` are the sources that are mounted nowhere yet.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self._made: set[str] = set()
        self._volumes: list[str] = []
        self._copies: set[int] = set()

    def build(self) -> None:
        mounting.make_private("/")
        mounting.replace_root()
        self._made.add("/")
        # Each source is opened before a mount can hide it: the cluster's own folder may lie in /tmp.
        sources = [self._open_source(each) for each in self._root.mounts]
        self._mount_kernels()
        self._make_targets(sources)
        for each, source in zip(self._root.mounts, sources, strict=True):
            self._mount(each, source)
        if self._root.working_dir:
            self._make(os.path.realpath(self._root.working_dir), is_folder=True)
        # A tmpfs may have had to take mount points until now.
        for each in self._root.mounts:
            if each.is_read_only and not each.source:
                mounting.make_read_only(os.path.realpath(each.target))
        if self._root.is_read_only:
            self._make_rest_read_only()

    def _open_source(self, volume: Mount) -> int:
        """Return the descriptor of what is to be mounted, -1 for a tmpfs; RootError.

        A folder of the machine in which the container has a mount of its own (hostPath: /tmp) is shown without that.
        """
        source = open_source(volume)
        others = (each for each in self._root.mounts if each is not volume)
        if source >= 0 and any(is_at_or_below(each.target, volume.source) for each in others):
            copy = copy_mounts(source)
            os.close(source)
            self._copies.add(copy)
            return copy
        return source

    def _mount_kernels(self) -> None:
        is_privileged = self._root.is_privileged
        kernelfolders.mount_proc()
        kernelfolders.mount_sys(is_read_only=not is_privileged)
        if not is_privileged:
            kernelfolders.mount_dev()
            self._made.add("/dev")
        if not is_privileged and not self._root.is_proc_unmasked:
            kernelfolders.mask_proc()

    def _make_targets(self, sources: Sequence[int]) -> None:
        """Make what is missing of the machine's tree, before anything is mounted there that an overlay would hide."""
        for each, source in zip(self._root.mounts, sources, strict=True):
            if not any(_is_below(each.target, other.target) for other in self._root.mounts):
                self._make(os.path.realpath(each.target), is_folder=_is_folder(source))

    def _mount(self, volume: Mount, source: int) -> None:
        """Mount a volume, whose source is open; the descriptor is closed."""
        # As in a container, a link in the image (/var/run) leads to another place of the same tree.
        target = os.path.realpath(volume.target)
        self._make(target, is_folder=_is_folder(source))
        if volume.is_copied:
            Path(target).write_bytes(Path(mounting.by_descriptor(source)).read_bytes())
            os.close(source)
            return
        try:
            if source < 0:
                mounting.mount_tmpfs(target, volume.size)
            elif source in self._copies:
                attach_mounts(source, target)
                os.close(source)
            else:
                mounting.bind(mounting.by_descriptor(source), target)
                os.close(source)
        except OSError as error:
            raise RootError(mount_error(volume, error)) from error
        if volume.is_read_only and source >= 0:
            for each in _at_or_below(target) if volume.is_recursive_read_only else (target,):
                mounting.make_read_only(each)
        self._volumes.append(target)

    def _make(self, path: str, *, is_folder: bool) -> None:
        """Make a path for a mount if it is missing, with the folders above it."""
        missing: list[str] = []
        place = path
        while not os.path.lexists(place):
            missing.append(place)
            place = str(Path(place).parent)
        if missing and not self._may_make_in(place):
            self._cover(place)
        for each in reversed(missing):
            folder = is_folder or each != path
            mounting.make_target(each, is_folder=folder)
            self._made.update((each,) if folder else ())

    def _may_make_in(self, folder: str) -> bool:
        return folder in self._made or any(is_at_or_below(folder, each) for each in self._volumes)

    def _cover(self, folder: str) -> None:
        is_system = any(is_at_or_below(folder, each) for each in SYSTEM_FOLDERS)
        # An overlay hides what is mounted below its folder.
        if not is_system or next(_below(folder), None) is not None or not _try_overlay(folder):
            try:
                mounting.cover_with_entries(folder)
            except PermissionError:
                mounting.mount_tmpfs(folder)  # /root of an ordinary user's machine: nothing of it can be seen anyhow
        self._made.add(folder)

    def _make_rest_read_only(self) -> None:
        spared = ("/proc", "/sys", "/dev", *self._volumes)
        for each in dict.fromkeys(mounting.mount_points()):
            if not any(is_at_or_below(each, other) for other in spared):
                mounting.make_read_only(each)


def _try_overlay(folder: str) -> bool:
    try:
        mounting.cover_with_overlay(folder)
    except OSError:
        return False
    return True


def _is_folder(source: int) -> bool:
    return source < 0 or stat.S_ISDIR(os.fstat(source).st_mode)


def _at_or_below(path: str) -> Sequence[str]:
    return [each for each in mounting.mount_points() if is_at_or_below(each, path)]


def _below(path: str) -> Iterator[str]:
    return (each for each in mounting.mount_points() if _is_below(each, path))


def _is_below(path: str, folder: str) -> bool:
    return path != folder and is_at_or_below(path, folder)
