"""Finds the bucket of the least number, such as of those that have the fewest connections. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sized
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

Bucket = TypeVar("Bucket", bound=Sized)
_SPARE = 64


class Levels(Generic[Bucket]):
    """A bucket for each number; one that is empty is dropped when it comes to the top, or when there are many."""

    __slots__ = ("_buckets", "_heap", "_make", "_most")

    def __init__(self, make: Callable[[], Bucket]) -> None:
        self._make = make
        self._buckets: dict[float, Bucket] = {}
        self._heap: list[float] = []
        """The numbers of all buckets."""
        self._most = _SPARE

    def at(self, level: float) -> Bucket:
        """Return the bucket of a number, an empty one if there was none; it lasts until the next call unless filled."""
        bucket = self._buckets.get(level)
        if bucket is None:
            if len(self._heap) >= self._most:
                self._sweep()
            bucket = self._buckets[level] = self._make()
            heappush(self._heap, level)
        return bucket

    def least(self) -> Bucket | None:
        """Return the bucket of the least number that is not empty, None if all are."""
        heap = self._heap
        while heap:
            bucket = self._buckets[heap[0]]
            if bucket:
                return bucket
            del self._buckets[heappop(heap)]
        return None

    def lowest(self) -> float:
        """Return the number of the bucket that ``least`` has just returned."""
        return self._heap[0]

    def ascending(self) -> Iterator[Bucket]:
        """Yield the buckets from the least number on; none may be filled meanwhile."""
        return map(self._buckets.__getitem__, sorted(self._buckets))

    def _sweep(self) -> None:
        self._buckets = {level: bucket for level, bucket in self._buckets.items() if bucket}
        self._heap = list(self._buckets)
        heapify(self._heap)
        self._most = 2 * len(self._heap) + _SPARE
