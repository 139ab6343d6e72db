"""Errors of the operating system as Go prints them, in messages that real components write. Pure."""

from __future__ import annotations

import os


def errno_text(error: OSError) -> str:
    """Return the text of an error's number (syscall.Errno), such as ``connection refused``."""
    return os.strerror(error.errno or 0).lower()
