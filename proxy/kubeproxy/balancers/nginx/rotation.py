"""nginx' smooth weighted round robin (``ngx_http_upstream_round_robin.c``), without a look at every server.

nginx adds to each server's current value its weight, takes the greatest (the first of equals), and takes the sum of all
weights from that one. Servers of the same weight gain alike, so that among them the order never changes but for the one
that was taken: a heap for each weight that occurs gives the same picks. One pick costs O(different weights + log n).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from heapq import heapify, heapreplace

from kubeproxy.balancers.balancer import Backend

_Entry = tuple[int, int, Backend]
"""What a backend has paid (its current value is ``turn * weight - paid``), its place in the list, and itself."""


class SmoothRotation:
    """Takes each backend as often as its weight says, evenly spread. Those that stay keep their values."""

    def __init__(self) -> None:
        self._weights: dict[Backend, int] = {}
        self._total = 0
        self._turn = 0
        self._heaps: dict[int, list[_Entry]] = {}

    def update(self, usable: Sequence[Backend]) -> None:
        """Choose among ``usable`` from now on, none of which has the weight 0."""
        weights = {each: each.weight for each in usable}
        if weights == self._weights:
            return
        kept = {each: value for each, value in self._values() if each in weights}
        # The values of all add up to about 0, also when one has left that was far from it: a newcomer begins there.
        mean = sum(kept.values()) // len(kept) if kept else 0
        self._weights, self._total, self._turn, self._heaps = weights, sum(weights.values()), 0, {}
        for place, each in enumerate(usable):
            paid = mean - kept.get(each, mean)
            self._heaps.setdefault(each.weight, []).append((paid, place, each))
        for heap in self._heaps.values():
            heapify(heap)

    def peek(self) -> Backend | None:
        """Return what ``take`` would return, None if there is nothing."""
        heap = self._leading(self._turn + 1)
        return heap[0][2] if heap else None

    def take(self, avoid: Collection[str] = ()) -> Backend | None:
        """Return the next backend, None if there is none without those in ``avoid``."""
        if avoid:
            return self._take_other(avoid)
        self._turn += 1
        heap = self._leading(self._turn)
        if not heap:
            return None
        paid, place, backend = heap[0]
        heapreplace(heap, (paid + self._total, place, backend))
        return backend

    def _leading(self, turn: int) -> list[_Entry]:
        """Return the heap whose first one has the greatest value after ``turn`` turns, an empty list if none has."""
        best: list[_Entry] = []
        most = first = 0
        for weight, heap in self._heaps.items():
            paid, place, _ = heap[0]
            value = turn * weight - paid
            if not best or value > most or (value == most and place < first):
                best, most, first = heap, value, place
        return best

    def _take_other(self, avoid: Collection[str]) -> Backend | None:
        """Return the next backend that is not in ``avoid``; those in it neither gain nor pay in this turn, as in nginx.

        Looks at every backend: connections fail seldom.
        """
        self._turn += 1
        total, best, entry = 0, None, None
        for weight, heap in self._heaps.items():
            for index, (paid, place, backend) in enumerate(heap):
                if backend.address in avoid:
                    heap[index] = (paid + weight, place, backend)
                    continue
                total += weight
                rank = (self._turn * weight - paid, -place)
                if best is None or rank > best:
                    best, entry = rank, (heap, index)
        if entry is not None:
            heap, index = entry
            paid, place, backend = heap[index]
            heap[index] = (paid + total, place, backend)
        for heap in self._heaps.values():
            heapify(heap)
        return backend if entry is not None else None

    def _values(self) -> Iterator[tuple[Backend, int]]:
        for weight, heap in self._heaps.items():
            for paid, _, backend in heap:
                yield backend, self._turn * weight - paid
