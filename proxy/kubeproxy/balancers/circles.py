"""Circles of points: a hash belongs to the arc that it lies in. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple, TypeVar

MOST_POINTS = 2 << 20
"""How many points a circle has at most, each of 9 bytes; a table of more would take minutes to build."""
BITS = 32
"""Of the numbers on the circles that are made here."""
_STEP = 2000
"""Points that are made in one step: 1 to 4 ms."""
_SHELF = 1000
"""Points that are sorted together, about."""
_SHELVES_A_STEP = 4
_LOOKED_AT = 10_000
"""Points that are looked at in one step."""
_POINTS_A_CELL = 4
"""Into how many points, about, a cell leads."""


Server = TypeVar("Server")


class Arcs(NamedTuple):
    """The last number of each arc of a circle in order, and the place of its backend."""

    ends: array[int]
    places: array[int]


class Circle:
    """Arcs of a circle, each a backend's; a hash beyond the last arc is in the first one.

    The circle is cut into cells of one width, which know the first arc that ends in them or later: so a look costs the
    same for any number of arcs, as they end where a hash says.
    """

    def __init__(self, arcs: Arcs, cells: Sequence[int], shift: int) -> None:
        self._ends, self._places = arcs
        self._cells = cells
        self._shift = shift
        self._count = len(self._ends)

    def place(self, value: int) -> int:
        """Return the place of the backend that a hash belongs to."""
        cell, cells = value >> self._shift, self._cells
        at = bisect_left(self._ends, value, cells[cell], cells[cell + 1])
        return self._places[at if at < self._count else 0]

    def walk(self, value: int) -> Iterator[int]:
        """Yield places for a hash one after another."""
        start, count = bisect_left(self._ends, value), self._count
        return (self._places[(start + step) % count] for step in range(count))


def circle(arcs: Arcs, bits: int = BITS) -> Generator[None, None, Circle]:
    """Return in steps the circle of 2**``bits`` that has these arcs, at least one."""
    shift = bits - (len(arcs.ends) // _POINTS_A_CELL).bit_length()
    cells, reached = array("I"), 0
    for place, end in enumerate(arcs.ends):
        while reached <= end >> shift:
            cells.append(place)
            reached += 1
        if place % _LOOKED_AT == _LOOKED_AT - 1:
            yield
    cells.extend([len(arcs.ends)] * ((1 << bits - shift) + 1 - reached))
    return Circle(arcs, cells, shift)


Lay = Callable[[Iterator[tuple[int, int]], int], Generator[None, None, Arcs]]
"""Makes in steps the arcs of about so many points, each with the place of its backend."""


def weighted_circle(
    servers: Sequence[tuple[Server, int]], per_weight: int, points: Callable[[Server, int], Iterator[int]], lay: Lay
) -> Generator[None, None, Circle]:
    """Return in steps the circle of servers with their weights, at least one.

    ``points`` returns so many points of a server: ``per_weight`` times its weight, or fewer if all would have too many.
    """
    total = sum(weight for _, weight in servers)
    each = min(per_weight, max(MOST_POINTS // total, 1))
    placed = (
        (point, place) for place, (server, weight) in enumerate(servers) for point in points(server, weight * each)
    )
    arcs = yield from lay(placed, total * each)
    return (yield from circle(arcs))


def arcs_before(points: Iterator[tuple[int, int]], count: int) -> Generator[None, None, Arcs]:
    """Return in steps the arcs that end at about ``count`` points, each with the place of its backend.

    Of equal points the one with the smallest place has the arc.
    """
    bits = max(count // _SHELF, 1).bit_length()
    shelves = [array("Q") for _ in range(1 << bits)]
    shift = BITS - bits
    for number, (point, place) in enumerate(points, 1):
        shelves[point >> shift].append(point << BITS | place)
        if number % _STEP == 0:
            yield
    ends, places = array("I"), array("I")
    for number, shelf in enumerate(shelves, 1):
        for packed in sorted(shelf):
            point = packed >> BITS
            if not ends or ends[-1] != point:
                ends.append(point)
                places.append(packed & (1 << BITS) - 1)
        if number % _SHELVES_A_STEP == 0:
            yield
    return Arcs(ends, places)


def arcs_around(points: Iterator[tuple[int, int]], count: int) -> Generator[None, None, Arcs]:
    """Return in steps the arcs of what is nearest to about ``count`` points, the one before if two are as near."""
    found, places = yield from arcs_before(points, count)
    ends = array("I")
    for start in range(0, len(found) - 1, _LOOKED_AT):
        if start:
            yield
        stretch = found[start : start + _LOOKED_AT + 1]
        ends.extend(map(_middle, stretch, stretch[1:]))
    last = (found[-1] + found[0] + (1 << BITS)) // 2
    if last < 1 << BITS:
        ends.append(last)
    else:
        # The arc around the last point ends behind 0.
        ends.insert(0, last - (1 << BITS))
        places.insert(0, places.pop())
    return Arcs(ends, places)


def _middle(one: int, other: int) -> int:
    return (one + other) // 2
