"""A cluster in the background: a child in a session of its own, whose parent waits until it is ready.

Until then the child reports to the caller's stdout and stderr; from then on nothing of it holds them open. It keeps
the working directory, in which pods run, and the umask, which its private state directory makes harmless.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

from kubesvc.terminal.console import EXIT_AT_ONCE, EXIT_FAILED, Console


class Caller:
    """Who asked for the cluster, as the child sees it: a place to report to, which is given up when it is ready."""

    def __init__(self, telling: int) -> None:
        self._telling = telling
        self._streams = os.dup(1), os.dup(2)
        out, err = (os.fdopen(each, "w", closefd=False) for each in self._streams)
        self.console = Console(out, err)

    def redirect(self, log: int) -> None:
        """Write to ``log`` whatever is not for the caller."""
        os.dup2(log, 1)
        os.dup2(log, 2)

    def release(self, status: int) -> None:
        """Let the caller go on with this exit status; later reports go where stdout and stderr go now."""
        for stream, ours in zip(self._streams, (1, 2), strict=True):
            os.dup2(ours, stream, inheritable=False)
        with contextlib.suppress(OSError):
            os.write(self._telling, bytes([status]))
        os.close(self._telling)


def detach(serve: Callable[[Caller], int], console: Console) -> int:
    """Run ``serve`` in a child. Returns the status that it tells, or that it exits with if it tells none."""
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
        # The child is in a session of its own: the terminal's Ctrl-C has not reached it.
        os.kill(child, signal.SIGTERM)
        return EXIT_AT_ONCE
    if status < 0:
        console.warn(f"kubesvc: the cluster was ended by {signal.Signals(-status).name} before it was ready")
        return EXIT_FAILED
    return status


def _lead(serve: Callable[[Caller], int], telling: int) -> int:
    """Be the child, never more: whatever happens, the caller's code must not go on in it."""
    try:
        os.setsid()
        # There is no terminal that could hang up, and no configuration to read again.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return serve(Caller(telling))
    except BaseException:
        return EXIT_FAILED
