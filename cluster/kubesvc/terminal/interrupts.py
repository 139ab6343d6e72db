"""Signals that end a command as Ctrl-C does, so that what it has made is removed: by KeyboardInterrupt."""

from __future__ import annotations

import signal


def end_as_by_ctrl_c() -> None:
    """Have SIGTERM, and SIGHUP unless it is ignored (nohup), raise KeyboardInterrupt in the main thread."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
