"""Entries in ascending order, of which nearly all come last, such as the turns of backends with one weight. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

Entry = TypeVar("Entry", bound=tuple[Any, ...])


class Line(Generic[Entry]):
    """A queue, where an entry costs the same for any number of them, and a heap of those that did not come last."""

    __slots__ = ("queue", "rest")

    def __init__(self) -> None:
        self.queue = deque[Entry]()
        self.rest: list[Entry] = []

    def __len__(self) -> int:
        return len(self.queue) + len(self.rest)

    def insert(self, entry: Entry) -> None:
        """Take up an entry."""
        queue = self.queue
        if queue and entry < queue[-1]:
            heappush(self.rest, entry)
        else:
            queue.append(entry)

    def head(self) -> Entry:
        """Return the least entry; IndexError if there is none."""
        queue, rest = self.queue, self.rest
        return rest[0] if rest and (not queue or rest[0] < queue[0]) else queue[0]

    def pop(self) -> Entry:
        """Remove the least entry and return it; IndexError if there is none."""
        queue, rest = self.queue, self.rest
        return heappop(rest) if rest and (not queue or rest[0] < queue[0]) else queue.popleft()

    def keep(self, is_kept: Callable[[Entry], bool]) -> None:
        """Drop all other entries, and have the heap empty."""
        kept = filter(is_kept, (*self.queue, *self.rest))
        self.queue, self.rest = deque(sorted(kept)), []
