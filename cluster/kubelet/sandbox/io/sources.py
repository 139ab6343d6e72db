"""What is mounted in a container: each source is opened, and a part of one never leads out of it."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from kubehost.errortexts import errno_text
from kubelet.sandbox.io import mounting
from kubelet.spec.sandbox import Mount


class RootError(Exception):
    """The container's file system cannot be made; the text is runc's where runc has one."""


def open_source(volume: Mount) -> int:
    """Return the descriptor of what is to be mounted, -1 for a tmpfs; RootError."""
    if not volume.source:
        return -1
    try:
        source = os.open(volume.source, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise RootError(mount_error(volume, error)) from error
    return _open_sub_path(source, volume) if volume.sub_path else source


def _open_sub_path(folder: int, volume: Mount) -> int:
    """Return a descriptor of a path in an open volume, which is made if it is missing, and close the volume's.

    No link may lead out of the volume, and what is made has the volume's mode (pkg/volume/util/subpath: SafeMakeDir,
    doSafeOpen).
    """
    top = str(Path(mounting.by_descriptor(folder)).readlink())
    path = os.path.realpath(f"{top}/{volume.sub_path}")
    if not is_at_or_below(path, top):
        raise RootError(f'failed to prepare subPath for volumeMount "{volume.target}": not within the volume')
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    try:
        for part in Path(path).relative_to(top).parts:
            is_new = _make_folder(part, folder)
            # The path has no links now; one that appears meanwhile is refused.
            inner = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = inner
            if is_new:
                Path(mounting.by_descriptor(folder)).chmod(mode)
    except OSError as error:
        raise RootError(f'failed to prepare subPath for volumeMount "{volume.target}": {errno_text(error)}') from error
    return folder


def _make_folder(name: str, folder: int) -> bool:
    """Make a folder unless there is something of that name; return whether it is new. OSError."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=folder)
        return True
    return False


def mount_error(volume: Mount, error: OSError) -> str:
    """Return why a volume cannot be mounted, in runc's words."""
    what = f'error mounting "{volume.source or "tmpfs"}" to rootfs at "{volume.target}": {errno_text(error)}'
    if isinstance(error, NotADirectoryError):
        what += (
            ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists"
            " and is the expected type"
        )
    return what


def is_at_or_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
