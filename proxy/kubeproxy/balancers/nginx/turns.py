"""nginx' smooth weighted round robin (``ngx_http_upstream_round_robin.c``), without a look at every server.

nginx adds to each server's current value its weight, takes the greatest (the first of equals), and takes the sum of all
weights from that one. Servers of the same weight gain alike, so that among them the order never changes but for the one
that was taken: they are in a line. Lines of similar weights are in a band, which knows for how many turns its leader
stays ahead of the others. With 256 weights a pick looks at 32 lines, not at 256.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.lines import Line

_Entry = tuple[int, int, int, Backend]
"""What a backend has paid (its value is ``turn * weight - paid``), its place, a number of the entry's own, itself.

Of equal values the one with the smallest place is taken.
"""
_WEIGHTS = 16
"""How many weights a band has."""
_ALWAYS = 1 << 62
_SPARE = 16
"""How many more entries may be out of date, or out of line, than are in it before a line is put in order."""


class Seat(NamedTuple):
    """By which weight a backend takes turns, and its place in the list."""

    weight: int
    place: int


class _Line(Line[_Entry]):
    """The entries of one weight; ``first`` is the one that comes first, and ``size`` how many are not out of date.

    The one that was taken has paid most, unless backends have come and left.
    """

    __slots__ = ("_outdated", "first", "size")

    def __init__(self, entry: _Entry) -> None:
        super().__init__()
        self.insert(entry)
        self._outdated = 0
        self.first = entry
        self.size = 1

    def add(self, entry: _Entry) -> None:
        """Take up an entry."""
        self.size += 1
        self.insert(entry)
        if entry < self.first:
            self.first = entry

    def remove(self, entries: Mapping[Backend, _Entry]) -> None:
        """Learn that an entry, not the last one, is out of date: it is not among ``entries`` any more."""
        self.size -= 1
        self._outdated += 1
        self._settle(entries)

    def move(self, entry: _Entry, entries: Mapping[Backend, _Entry]) -> None:
        """Take up an entry in place of the first one: a hot path."""
        queue = self.queue
        if self.rest or self._outdated or entry < queue[-1]:
            self._outdated += 1
            self.insert(entry)
            self._settle(entries)
        else:
            queue.popleft()
            queue.append(entry)
            self.first = queue[0]

    def _settle(self, entries: Mapping[Backend, _Entry]) -> None:
        """Find the first one of ``entries``, and drop those before it."""
        if self._outdated > self.size + _SPARE or len(self.rest) > len(self.queue) + _SPARE:
            self.keep(lambda each: entries.get(each[3]) is each)
            self._outdated = 0
        while entries.get((entry := self.head())[3]) is not entry:
            self.pop()
            self._outdated -= 1
        self.first = entry


class _Band:
    """The lines of some weights; ``leader`` is the one whose first has the greatest value up to the turn ``until``."""

    __slots__ = ("leader", "lines", "most", "until", "weight")

    def __init__(self, most: int, line: _Line) -> None:
        self.lines: dict[int, _Line] = {}
        self.most = most
        """The greatest weight that it may have."""
        self.leader = line
        self.weight = 0
        """The leader's."""
        self.until = -1

    def find(self, turn: int) -> None:
        """Find the leader at ``turn``."""
        best: _Line | None = None
        value = first = second = leading = 0
        for weight, line in self.lines.items():
            paid, place, _, _ = line.first
            here = turn * weight - paid
            if best is not None and (here < value or (here == value and place > first)):
                second = max(second, here)
                continue
            second = value if best is not None else here - _ALWAYS
            best, value, first, leading = line, here, place, weight
        assert best is not None
        self.leader, self.weight = best, leading
        # None of the others gains more than this on the leader in a turn.
        gain = self.most - leading
        self.until = turn + (value - second - 1) // gain if gain else _ALWAYS


class SmoothTurns:
    """Backends that take turns; each may come and leave with its value. A line drops what is out of date late."""

    __slots__ = ("_bands", "_entries", "_leading", "_made", "_total", "_turn")

    def __init__(self) -> None:
        self._entries: dict[Backend, _Entry] = {}
        self._bands: dict[int, _Band] = {}
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
        self._total += weight
        number = weight // _WEIGHTS
        band = self._bands.get(number)
        line = band.lines.get(weight) if band is not None else None
        if line is None:
            line = _Line(entry)
        else:
            line.add(entry)
        if band is None:
            band = self._bands[number] = _Band((number + 1) * _WEIGHTS - 1, line)
        band.lines[weight] = line
        band.until = -1

    def remove(self, backend: Backend, seat: Seat) -> int:
        """Let a backend take no more turns, and return its value."""
        weight = seat.weight
        band = self._bands[weight // _WEIGHTS]
        self._leading, band.until = None, -1
        self._total -= weight
        paid = self._entries.pop(backend)[0]
        line = band.lines[weight]
        if line.size > 1:
            line.remove(self._entries)
        else:
            del band.lines[weight]
            if not band.lines:
                del self._bands[weight // _WEIGHTS]
        return self._turn * weight - paid

    def peek(self) -> Backend | None:
        """Return what ``take`` would return, None if there is nothing."""
        band = self._leading = self._leading or self._find(self._turn + 1)
        return band.leader.first[3] if band else None

    def take(self) -> Backend | None:
        """Return the next backend, None if there is none."""
        band = self._leading or self._find(self._turn + 1)
        if band is None:
            return None
        self._leading = None
        self._turn += 1
        self._made += 1
        line = band.leader
        paid, place, _, backend = line.first
        self._entries[backend] = entry = (paid + self._total, place, self._made, backend)
        line.move(entry, self._entries)
        if len(band.lines) > 1:
            band.until = -1
        return backend

    def _find(self, turn: int) -> _Band | None:
        """Return the band whose leader has the greatest value after ``turn`` turns, None if there is none."""
        best: _Band | None = None
        most = first = 0
        if len(self._bands) == 1:
            (best,) = self._bands.values()
            if turn > best.until:
                best.find(turn)
            return best
        for band in self._bands.values():
            if turn > band.until:
                band.find(turn)
            paid, place, _, _ = band.leader.first
            value = turn * band.weight - paid
            if best is None or value > most or (value == most and place < first):
                best, most, first = band, value, place
        return best
