"""Answers that are due later: a heap of times, and a wait that is exact to some microseconds."""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from kubelet.servers.http.connection import Connection
from kubelet.servers.http.messages import Head, Response


class Due(NamedTuple):
    """An answer to ``head``, and when it is sent; ``number`` keeps those of one moment in order."""

    at: float
    number: int
    connection: Connection
    head: Head
    response: Response


class Waiting:
    """The answers that are due later; false if there are none."""

    def __init__(self) -> None:
        self._due: list[Due] = []
        self._numbers = count()

    def __bool__(self) -> bool:
        """Tell whether any answer is due later."""
        return bool(self._due)

    def add(self, at: float, connection: Connection, head: Head, response: Response) -> None:
        """Keep an answer until ``at``; its connection waits."""
        connection.is_waiting = True
        heapq.heappush(self._due, Due(at, next(self._numbers), connection, head, response))

    def take(self) -> Iterator[Due]:
        """Remove the answers that are due now, and yield those whose client is still there, the oldest first."""
        now = time.monotonic()
        while self._due and self._due[0].at <= now:
            due = heapq.heappop(self._due)
            due.connection.is_waiting = False
            if due.connection.sock.fileno() >= 0:
                yield due

    def poll(self, epoll: select.epoll, longest: float) -> list[tuple[int, int]]:
        """Return the events of ``epoll``, once there are any, an answer is due, or ``longest`` seconds have passed."""
        if self._due:
            # epoll waits for whole milliseconds, which is too coarse for times that are measured; select does not.
            select.select((epoll,), (), (), max(0.0, min(longest, self._due[0].at - time.monotonic())))
            longest = 0
        return epoll.poll(longest)
