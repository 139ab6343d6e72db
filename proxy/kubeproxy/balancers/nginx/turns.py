"""nginx' smooth weighted round robin (``ngx_http_upstream_round_robin.c``), without a look at every server.

nginx adds to each server's current value its weight, takes the greatest (the first of equals), and takes the sum of all
weights from that one. Servers of the same weight gain alike, so that among them the order never changes but for the one
that was taken: they are in a heap. Heaps of similar weights are in a band, which knows for how many turns its leader
stays ahead of the others. With 256 weights a pick looks at 32 heaps, not at 256.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace
from typing import NamedTuple

from kubeproxy.balancers.balancer import Backend

_Entry = tuple[int, int, int, Backend]
"""What a backend has paid (its value is ``turn * weight - paid``), its place, a number of the entry's own, itself.

Of equal values the one with the smallest place is taken.
"""
_WEIGHTS = 16
"""How many weights a band has."""
_ALWAYS = 1 << 62


class Seat(NamedTuple):
    """By which weight a backend takes turns, and its place in the list."""

    weight: int
    place: int


class _Band:
    """The heaps of some weights; ``leader`` is the one whose first has the greatest value up to the turn ``until``."""

    __slots__ = ("heaps", "leader", "most", "until", "weight")

    def __init__(self, most: int) -> None:
        self.heaps: dict[int, list[_Entry]] = {}
        self.most = most
        """The greatest weight that it may have."""
        self.leader: list[_Entry] = []
        self.weight = 0
        """The leader's."""
        self.until = -1

    def find(self, turn: int) -> None:
        """Find the leader at ``turn``. No heap begins with an entry that is out of date."""
        best: list[_Entry] = []
        value = first = second = leading = 0
        for weight, heap in self.heaps.items():
            paid, place, _, _ = heap[0]
            here = turn * weight - paid
            if best and (here < value or (here == value and place > first)):
                second = max(second, here)
                continue
            second = value if best else here - _ALWAYS
            best, value, first, leading = heap, here, place, weight
        self.leader, self.weight = best, leading
        # None of the others gains more than this on the leader in a turn.
        gain = self.most - leading
        self.until = turn + (value - second - 1) // gain if gain else _ALWAYS


class SmoothTurns:
    """Backends that take turns; each may come and leave with its value. A heap drops what is out of date late."""

    __slots__ = ("_bands", "_entries", "_leading", "_made", "_sizes", "_total", "_turn")

    def __init__(self) -> None:
        self._entries: dict[Backend, _Entry] = {}
        self._bands: dict[int, _Band] = {}
        self._sizes: dict[int, int] = {}
        self._total = self._turn = self._made = 0
        self._leading: _Band | None = None
        """The band whose leader has the next turn, None while that is not known."""

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, backend: Backend, seat: Seat, value: int) -> None:
        """Let a backend that is not there take turns too."""
        weight, place = seat
        self._leading = None
        self._made += 1
        self._entries[backend] = entry = (self._turn * weight - value, place, self._made, backend)
        number = weight // _WEIGHTS
        band = self._bands.get(number)
        if band is None:
            band = self._bands[number] = _Band((number + 1) * _WEIGHTS - 1)
        heappush(band.heaps.setdefault(weight, []), entry)
        band.until = -1
        self._sizes[weight] = self._sizes.get(weight, 0) + 1
        self._total += weight

    def remove(self, backend: Backend, seat: Seat) -> int:
        """Let a backend take no more turns, and return its value."""
        weight = seat.weight
        band = self._bands[weight // _WEIGHTS]
        self._leading, band.until = None, -1
        self._total -= weight
        self._sizes[weight] -= 1
        paid = self._entries.pop(backend)[0]
        if self._sizes[weight]:
            self._clean(band.heaps[weight], self._sizes[weight])
        else:
            del band.heaps[weight], self._sizes[weight]
            if not band.heaps:
                del self._bands[weight // _WEIGHTS]
        return self._turn * weight - paid

    def peek(self) -> Backend | None:
        """Return what ``take`` would return, None if there is nothing."""
        band = self._leading = self._leading or self._find(self._turn + 1)
        return band.leader[0][3] if band else None

    def take(self) -> Backend | None:
        """Return the next backend, None if there is none."""
        band = self._leading or self._find(self._turn + 1)
        if band is None:
            return None
        self._leading = None
        self._turn += 1
        self._made += 1
        heap = band.leader
        paid, place, _, backend = heap[0]
        self._entries[backend] = entry = (paid + self._total, place, self._made, backend)
        heapreplace(heap, entry)
        while self._entries.get(heap[0][3]) is not heap[0]:
            heappop(heap)
        if len(band.heaps) > 1:
            band.until = -1
        return backend

    def _find(self, turn: int) -> _Band | None:
        """Return the band whose leader has the greatest value after ``turn`` turns, None if there is none."""
        best: _Band | None = None
        most = first = 0
        for band in self._bands.values():
            if turn > band.until:
                band.find(turn)
            paid, place, _, _ = band.leader[0]
            value = turn * band.weight - paid
            if best is None or value > most or (value == most and place < first):
                best, most, first = band, value, place
        return best

    def _clean(self, heap: list[_Entry], valid: int) -> None:
        """Let a heap begin with an entry that is not out of date, and have no more than twice as many as it needs."""
        if len(heap) > 2 * valid + 16:
            heap[:] = [each for each in heap if self._entries.get(each[3]) is each]
            heapify(heap)
        while self._entries.get(heap[0][3]) is not heap[0]:
            heappop(heap)
