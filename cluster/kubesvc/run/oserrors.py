"""What the user is told when the system refuses something: which file, and why. Pure."""

from __future__ import annotations

import errno
from pathlib import Path

_STORAGE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
"""What a file system says of itself, also where a call has no file name: a write has only a descriptor."""


def oserror_text(error: OSError, where: str = "") -> str:
    """Return the reason, after the file; ``where`` stands for it when the error has none, as that of a write."""
    named = _file_of(error) or where
    reason = error.strerror or str(error)
    return f"{named}: {reason}" if named else reason


def is_about_files(error: BaseException, folder: Path) -> bool:
    """Tell whether an error is the file system's refusal of what is kept in ``folder``, no fault of the program."""
    if not isinstance(error, OSError):
        return False
    named = _file_of(error)
    return error.errno in _STORAGE or (bool(named) and Path(named).is_relative_to(folder))


def _file_of(error: OSError) -> str:
    """Return the file of an error, of a rename the target; "" if it has none."""
    named = error.filename2 or error.filename
    return named if isinstance(named, str) else ""
