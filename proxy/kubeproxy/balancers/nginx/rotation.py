"""nginx' smooth weighted round robin (``ngx_http_upstream_round_robin.c``), without a look at every server.

nginx adds to each server's current value its weight, takes the greatest (the first of equals), and takes the sum of all
weights from that one. Servers of the same weight gain alike, so that among them the order never changes but for the one
that was taken: a heap for each weight that occurs gives the same picks. One pick costs O(different weights + log n).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from typing import NamedTuple

from kubeproxy.balancers.balancer import Backend

_Entry = tuple[int, int, int, Backend]
"""What a backend has paid (its value is ``turn * weight - paid``), its place, a number of the entry's own, itself.

Of equal values the one with the smallest place is taken.
"""


class Seat(NamedTuple):
    """By which weight a backend takes turns, and its place in the list."""

    weight: int
    place: int


class SmoothTurns:
    """Backends that take turns; each may come and leave with its value. A heap drops what is out of date late."""

    __slots__ = ("_entries", "_heaps", "_leading", "_made", "_sizes", "_total", "_turn")

    def __init__(self) -> None:
        self._entries: dict[Backend, _Entry] = {}
        self._heaps: dict[int, list[_Entry]] = {}
        self._sizes: dict[int, int] = {}
        self._total = self._turn = self._made = 0
        self._leading: list[_Entry] = []
        """The heap whose first one has the next turn, empty while that is not known."""

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, backend: Backend, seat: Seat, value: int) -> None:
        """Let a backend that is not there take turns too."""
        weight, place = seat
        self._leading = []
        self._made += 1
        self._entries[backend] = entry = (self._turn * weight - value, place, self._made, backend)
        heappush(self._heaps.setdefault(weight, []), entry)
        self._sizes[weight] = self._sizes.get(weight, 0) + 1
        self._total += weight

    def remove(self, backend: Backend, seat: Seat) -> int:
        """Let a backend take no more turns, and return its value."""
        weight = seat.weight
        self._leading = []
        self._total -= weight
        self._sizes[weight] -= 1
        paid = self._entries.pop(backend)[0]
        if not self._sizes[weight]:
            del self._heaps[weight], self._sizes[weight]
        elif len(self._heaps[weight]) > 2 * self._sizes[weight] + 16:
            self._sweep(weight)
        return self._turn * weight - paid

    def peek(self) -> Backend | None:
        """Return what ``take`` would return, None if there is nothing."""
        heap = self._leading = self._leading or self._find(self._turn + 1)
        return heap[0][3] if heap else None

    def take(self) -> Backend | None:
        """Return the next backend, None if there is none."""
        heap = self._leading or self._find(self._turn + 1)
        if not heap:
            return None
        self._leading = []
        self._turn += 1
        self._made += 1
        paid, place, _, backend = heap[0]
        self._entries[backend] = entry = (paid + self._total, place, self._made, backend)
        heapreplace(heap, entry)
        return backend

    def _find(self, turn: int) -> list[_Entry]:
        """Return the heap whose first one has the greatest value after ``turn`` turns, an empty list if none has."""
        best: list[_Entry] = []
        most = first = 0
        entries = self._entries
        for weight, heap in self._heaps.items():
            entry = heap[0]
            while entries.get(entry[3]) is not entry:
                heappop(heap)
                entry = heap[0]
            value = turn * weight - entry[0]
            if value > most or not best or (value == most and entry[1] < first):
                best, most, first = heap, value, entry[1]
        return best

    def _sweep(self, weight: int) -> None:
        """Drop what is no more valid of a heap."""
        heap = self._heaps[weight]
        heap[:] = [each for each in heap if self._entries.get(each[3]) is each]
        heapify(heap)


class SmoothRotation:
    """Takes each backend as often as its weight says, evenly spread. Those that stay keep their values."""

    def __init__(self) -> None:
        self._turns = SmoothTurns()
        self._seats: dict[Backend, Seat] = {}

    def update(self, usable: Sequence[Backend]) -> None:
        """Choose among ``usable`` from now on, none of which has the weight 0."""
        seats = {each: Seat(each.weight, place) for place, each in enumerate(usable)}
        if seats == self._seats:
            return
        values = {each: self._turns.remove(each, seat) for each, seat in self._seats.items()}
        kept = [values[each] for each in usable if each in values]
        # The values of all add up to about 0, also when one has left that was far from it: a newcomer begins there.
        mean = sum(kept) // len(kept) if kept else 0
        self._turns, self._seats = SmoothTurns(), seats
        for each, seat in seats.items():
            self._turns.add(each, seat, values.get(each, mean) - mean)

    def peek(self) -> Backend | None:
        """Return what ``take`` would return, None if there is nothing."""
        return self._turns.peek()

    def take(self, avoid: Collection[str] = ()) -> Backend | None:
        """Return the next backend, None if there is none without those in ``avoid``.

        Those in ``avoid`` neither gain nor pay in this turn, as in nginx.
        """
        if not avoid:
            return self._turns.take()
        values = {each: self._turns.remove(each, seat) for each, seat in self._seats.items() if each.address in avoid}
        found = self._turns.take()
        for each, value in values.items():
            self._turns.add(each, self._seats[each], value)
        return found
