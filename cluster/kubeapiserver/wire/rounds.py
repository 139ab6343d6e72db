"""When the events of watches are written: at once while that is cheap, else in rounds, with a pause after each.

A change that a hundred clients watch costs a hundred writes, each with its encryption and its system call. So nothing
is written after a round for a few times as long as it took: one client's events are on their way at once, and where
many clients follow many changes, each gets in one write what has come meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

PAUSE_FACTOR = 4.0
"""The pause after a round, as a multiple of its duration: writing events takes a fifth of the time at most."""
LONGEST_PAUSE_SECONDS = 0.1
SHORTEST_PAUSE_SECONDS = 0.001
"""A pause that would be shorter is left out: timers are no more precise."""
STREAMS_PER_TURN = 200
"""Streams after which the event loop may run its other tasks."""


class Stream(Protocol):
    """What has events for one client."""

    def send(self) -> None:
        """Write what is queued, without waiting. Never raises."""
        ...


class Rounds:
    """Lets each stream that asks for it ``send`` once in the next round. ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: list[Stream] = []
        self._is_due = False
        self._free_at = 0.0
        self._taken = 0.0

    def add(self, stream: Stream) -> None:
        """Have a stream send in the next round; it must not ask again before that."""
        self._waiting.append(stream)
        if not self._is_due:
            self._is_due = True
            self._schedule(self._free_at - self._clock())

    def _schedule(self, pause: float) -> None:
        loop = asyncio.get_running_loop()
        if pause < SHORTEST_PAUSE_SECONDS:
            loop.call_soon(self._run)
        else:
            loop.call_later(pause, self._run)

    def _run(self) -> None:
        begun = self._clock()
        now, self._waiting = self._waiting[:STREAMS_PER_TURN], self._waiting[STREAMS_PER_TURN:]
        for each in now:
            each.send()
        ended = self._clock()
        self._taken += ended - begun
        if self._waiting:
            self._schedule(0)
            return
        self._is_due = False
        self._free_at = ended + min(self._taken * PAUSE_FACTOR, LONGEST_PAUSE_SECONDS)
        self._taken = 0.0
