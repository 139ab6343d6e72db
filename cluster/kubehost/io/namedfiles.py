"""Reads files that a user names: one may be a device without an end, or far larger than what it should be."""

from __future__ import annotations

import errno
import os
import stat

LIMIT = 16 * 1024 * 1024
"""Bytes of the largest file that is read; those of configuration are far smaller."""
CHUNK = 64 * 1024


def read_named(path: str, *, takes_pipes: bool) -> bytes:
    """Return the bytes of a file; OSError, for one with more than ``LIMIT`` as well, of which no more is read.

    Pipes, as of a shell's ``<(...)``, are for files that are read once, at the start: one may never end, or be open.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if takes_pipes else os.O_NONBLOCK))
    try:
        if not takes_pipes and stat.S_ISFIFO(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "it is a pipe, not a file that can be read again", path)
        found = bytearray()
        while chunk := os.read(file, min(CHUNK, LIMIT + 1 - len(found))):
            found += chunk
            if len(found) > LIMIT:
                raise OSError(errno.EFBIG, f"it has more than {LIMIT >> 20} MiB; name a smaller file", path)
    finally:
        os.close(file)
    return bytes(found)


def read_named_text(path: str, *, takes_pipes: bool) -> str:
    r"""Return the text of such a file, its lines ended by \n; OSError, UnicodeDecodeError."""
    return read_named(path, takes_pipes=takes_pipes).decode().replace("\r\n", "\n").replace("\r", "\n")
