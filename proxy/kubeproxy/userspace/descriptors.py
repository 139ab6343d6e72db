"""New clients wait in the kernel's queue while others use all open files that clients may use (``kubehost.openfiles``).

The API, the status, the health checks and the log go on meanwhile.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from kubehost import openfiles

PAUSE_SECONDS = 0.2
"""How often to look for room while there is none."""
TELL_SECONDS = 1.0
"""How often the shortage is reported."""
REMEMBERED_SECONDS = 5.0
"""For how long a shortage stays a problem after its last report: it comes and goes with single clients."""


class Descriptors:
    """What the clients of one process may take: sockets with numbers below ``ceiling``.

    ``tell`` is called when there is no room, and again every second until there is some.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ceiling = openfiles.client_ceiling(openfiles.limit())
        self.is_short = False
        self.tell: Callable[[], None] = lambda: None
        self._loop = loop
        self._waiting: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")

    def wait(self, resume: Callable[[], None]) -> None:
        """Pause the caller's accepting: ``resume`` is called once there is room."""
        self.is_short = True
        self._waiting.append(resume)
        if self._timer is None:
            self._pause()

    def problem(self) -> str:
        """Return what the user should know, "" while there has been room lately."""
        return openfiles.client_shortage() if self._loop.time() - self._told_at < REMEMBERED_SECONDS else ""

    def close(self) -> None:
        """Stop looking for room."""
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
