"""Messages for errors of the operating system: the file and the reason. Pure."""

from __future__ import annotations

import errno
from pathlib import Path

_STORAGE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
"""Errors of a file system, also from calls without a file name: a write has only a descriptor."""


def oserror_text(error: OSError, where: str = "") -> str:
    """Return "file: reason"; ``where`` is the file of an error that names none, as that of a write."""
    named = _file_of(error) or where
    reason = error.strerror or str(error)
    return f"{named}: {reason}" if named else reason


def is_about_files(error: BaseException, folder: Path) -> bool:
    """Tell whether an error is the file system's, about files in ``folder``, rather than a fault of the program."""
    if not isinstance(error, OSError):
        return False
    named = _file_of(error)
    return error.errno in _STORAGE or (bool(named) and Path(named).is_relative_to(folder))


def _file_of(error: OSError) -> str:
    """Return the file that an error names (of a rename the target), "" if it names none."""
    named = error.filename2 or error.filename
    return named if isinstance(named, str) else ""
