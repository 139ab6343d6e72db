"""The log of agnhost's commands: Go's package log, on stderr."""

from __future__ import annotations

import sys
import time


def log(text: str) -> None:
    """Write a line with the time before it, as Go's log.Printf does."""
    sys.stderr.write(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {text}\n")
    sys.stderr.flush()
