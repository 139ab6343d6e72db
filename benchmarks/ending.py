"""How a program that measures ends by a signal: with the clusters and processes that it has started."""

from __future__ import annotations

from collections.abc import Callable

from kubesvc.terminal.interrupts import end_as_by_ctrl_c

INTERRUPTED = 130


def run(main: Callable[[], int]) -> int:
    """Return the exit status of ``main``, 130 if SIGINT, SIGTERM or SIGHUP has ended it."""
    end_as_by_ctrl_c()
    try:
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED
