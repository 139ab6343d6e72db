"""Runs a cluster in the background: in a child process with a session of its own; the parent waits until it is ready.

Until then the child writes to the parent's stdout and stderr; then it closes them. It keeps the working directory, in
which pods run, and the umask, which the private state directory makes harmless.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_FAILED, Console


class Caller:
    """The waiting parent, as the child sees it: a console until the cluster is ready."""

    def __init__(self, telling: int) -> None:
        self._telling = telling
        self._streams = os.dup(1), os.dup(2)
        out, err = (os.fdopen(each, "w", closefd=False) for each in self._streams)
        self.console = Console(out, err)

    def redirect(self, log: int) -> None:
        """Write to ``log`` what is not written to the console."""
        os.dup2(log, 1)
        os.dup2(log, 2)

    def release(self, status: int) -> None:
        """Have the parent exit with this status; from now on the console writes where stdout and stderr go."""
        for stream, ours in zip(self._streams, (1, 2), strict=True):
            os.dup2(ours, stream, inheritable=False)
        with contextlib.suppress(OSError):
            os.write(self._telling, bytes([status]))
        os.close(self._telling)


def detach(serve: Callable[[Caller], int], console: Console) -> int:
    """Run ``serve`` in a child; returns the status that it releases the parent with, else its exit status."""
    hearing, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hearing)
        os._exit(_lead(serve, telling))
    os.close(telling)
    try:
        with os.fdopen(hearing, "rb") as pipe:
            if said := pipe.read(1):
                return said[0]
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except KeyboardInterrupt:
        # The child has a session of its own, so the terminal's Ctrl-C has not reached it.
        os.kill(child, signal.SIGTERM)
        return EXIT_AT_ONCE
    if status < 0:
        console.warn(f"kubesvc: the cluster was ended by {signal.Signals(-status).name} before it was ready")
        return EXIT_FAILED
    return status


def _lead(serve: Callable[[Caller], int], telling: int) -> int:
    """Run ``serve`` in the child. Returns for every exception: the parent's code must not continue in the child."""
    try:
        os.setsid()
        # A session without a terminal gets no hang-up, and there is no configuration to reload.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return serve(Caller(telling))
    except BaseException:
        return EXIT_FAILED
