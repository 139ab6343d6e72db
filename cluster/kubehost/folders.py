"""Folders that programs have written into: removed whatever permissions they left there; and their disk's size."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path


def remove_folder(folder: Path) -> bool:
    """Remove a folder and everything in it, if that may be; return whether it is gone. Links are not followed.

    A program that is root in its user namespace leaves folders that their owner may not change (the module cache of Go,
    chmod 000), which only that root, or their owner after a chmod, removes.
    """
    with contextlib.suppress(OSError):
        empty_place(folder)
    return not folder.exists()


def empty_place(folder: Path) -> None:
    """Remove a folder as ``remove_folder`` does. OSError: the first reason why something of it stays."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_symlink() and folder.is_dir():
        _open_up(folder)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _open_up(folder: str | os.PathLike[str]) -> None:
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)  # noqa: PTH101 - a path of scandir, which is no Path
        with os.scandir(folder) as entries:
            for each in entries:
                if each.is_dir(follow_symlinks=False):
                    _open_up(each.path)


def disk_bytes(folder: Path) -> int:
    """Return the size of the disk that a folder is on; OSError."""
    return shutil.disk_usage(folder).total
