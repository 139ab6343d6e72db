"""How many files of this process clients may take, so that the cluster can always open what it needs itself.

As HAProxy keeps files back by its maxconn: beyond that, new clients wait in the kernel's queue until others have gone,
while the API, the status, the health checks and the log go on. The kernel gives the lowest free number, so the number
of a new socket says how many files are open, at no cost.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import Callable

KEPT = 50
"""Files that clients never take, or a quarter of them all if that is less."""
PAUSE_SECONDS = 0.2
"""How often to look for room while there is none."""
TELL_SECONDS = 1.0
"""How often it is told that there is none."""
REMEMBERED_SECONDS = 5.0
"""How long after it was told last it is still a problem: clients come and go all the time."""


class Descriptors:
    """What the clients of one process may take: sockets with numbers below ``ceiling``.

    ``tell`` is called when there is no room, and again every second until there is some.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        limit = _limit()
        self.ceiling = limit - min(KEPT, limit // 4)
        self.is_short = False
        self.tell: Callable[[], None] = lambda: None
        self._loop = loop
        self._waiting: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")

    def wait(self, resume: Callable[[], None]) -> None:
        """Have no client accepted, and ``resume`` called once there is room."""
        self.is_short = True
        self._waiting.append(resume)
        if self._timer is None:
            self._pause()

    def problem(self) -> str:
        """Return what the user should know, "" while there has been room lately."""
        return shortage() if self._loop.time() - self._told_at < REMEMBERED_SECONDS else ""

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _pause(self) -> None:
        if self._loop.time() - self._told_at >= TELL_SECONDS:
            self._told_at = self._loop.time()
            self.tell()
        self._timer = self._loop.call_later(PAUSE_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._has_room():
            self._pause()
            return
        self.is_short = False
        waiting, self._waiting = self._waiting, []
        for resume in waiting:
            resume()

    def _has_room(self) -> bool:
        try:
            lowest = os.eventfd(0)
        except OSError:
            return False
        os.close(lowest)
        return lowest < self.ceiling


def shortage() -> str:
    """Return what is told when clients have taken all the files that they may."""
    return (
        f"clients have taken all of the {_limit():,} open files but those that are kept for the cluster itself: new "
        "ones wait until others have gone; raise the hard limit (`ulimit -Hn`, or LimitNOFILE= of a systemd unit) and "
        "start again"
    )


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
