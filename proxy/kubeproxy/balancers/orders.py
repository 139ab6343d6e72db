"""In which order a hash goes through the backends, by tables that are built in steps. Pure.

While a table is built, hashes go by the one before as far as its backends are still there, else to the backend at hash
modulo n.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Generator, Hashable, Iterator, Sequence
from typing import Protocol
from weakref import WeakValueDictionary

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.work import Work

MOST_POINTS = 2 << 20
"""How many points a circle has at most, each of 8 bytes; a table of more would take minutes to build."""
_CIRCLE = 1 << 32
_STEP = 2000
"""Points that are made in one step: 1 to 4 ms."""
_SHELF = 1000
"""Points that are sorted together, about."""
_SHELVES_A_STEP = 4
_HALVED = 10_000
"""Points between which the middle is found in one step."""


class Layout(Protocol):
    """Where a hash, a number from 0 on, leads: to places in a list of backends."""

    def place(self, value: int) -> int:
        """Return the place of the backend that a hash belongs to."""
        ...

    def walk(self, value: int) -> Iterator[int]:
        """Yield places for a hash one after another, the same one more than once in some layouts, one round."""
        ...


class Entries:
    """A list of places: the entry at hash modulo their number, and those after it."""

    def __init__(self, places: Sequence[int]) -> None:
        self._places = places

    def place(self, value: int) -> int:
        """Return the place of the backend that a hash belongs to."""
        return self._places[value % len(self._places)]

    def walk(self, value: int) -> Iterator[int]:
        """Yield places for a hash one after another."""
        count = len(self._places)
        return (self._places[(value + step) % count] for step in range(count))


Arcs = tuple["array[int]", "array[int]"]
"""The last number of each arc of a circle in order, and the place of its backend."""


class Circle:
    """Arcs of a circle of 2**32, each a backend's; a hash beyond the last arc is in the first one."""

    def __init__(self, arcs: Arcs) -> None:
        self._ends, self._places = arcs

    def place(self, value: int) -> int:
        """Return the place of the backend that a hash belongs to."""
        return self._places[bisect_left(self._ends, value) % len(self._ends)]

    def walk(self, value: int) -> Iterator[int]:
        """Yield places for a hash one after another."""
        start, count = bisect_left(self._ends, value), len(self._ends)
        return (self._places[(start + step) % count] for step in range(count))


def arcs_before(points: Iterator[tuple[int, int]], count: int) -> Generator[None, None, Arcs]:
    """Return in steps the arcs that end at about ``count`` points, each with the place of its backend.

    Of equal points the one with the smallest place has the arc.
    """
    bits = max(count // _SHELF, 1).bit_length()
    shelves = [array("Q") for _ in range(1 << bits)]
    shift = 32 - bits
    for number, (point, place) in enumerate(points, 1):
        shelves[point >> shift].append(point << 32 | place)
        if number % _STEP == 0:
            yield
    ends, places = array("I"), array("I")
    for number, shelf in enumerate(shelves, 1):
        for packed in sorted(shelf):
            point = packed >> 32
            if not ends or ends[-1] != point:
                ends.append(point)
                places.append(packed & _CIRCLE - 1)
        if number % _SHELVES_A_STEP == 0:
            yield
    return ends, places


def arcs_around(points: Iterator[tuple[int, int]], count: int) -> Generator[None, None, Arcs]:
    """Return in steps the arcs of what is nearest to about ``count`` points, the one before if two are as near."""
    found, places = yield from arcs_before(points, count)
    ends = array("I")
    for start in range(0, len(found) - 1, _HALVED):
        if start:
            yield
        stretch = found[start : start + _HALVED + 1]
        ends.extend(map(_middle, stretch, stretch[1:]))
    last = (found[-1] + found[0] + _CIRCLE) // 2
    if last < _CIRCLE:
        ends.append(last)
    else:
        # The arc around the last point ends behind 0.
        ends.insert(0, last - _CIRCLE)
        places.insert(0, places.pop())
    return ends, places


def _middle(one: int, other: int) -> int:
    return (one + other) // 2


_LAYOUTS: WeakValueDictionary[Hashable, Layout] = WeakValueDictionary()
"""The layouts that are in use, by what they are made of: the routes of a Service port have one together."""


class BuiltOrder:
    """In which order hashes go through backends; its layout is built anew for each set of them."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._builds = 0
        self._built: _Order | None = None
        self._use(_Order((), Entries(())))

    def build(self, usable: Sequence[Backend], made_of: Hashable, steps: Generator[None, None, Layout]) -> None:
        """Go by the layout that ``steps`` return for ``usable`` (at least one) once they are done.

        It is the same for all that have the same ``made_of``.
        """
        self._builds += 1
        listed = _Order(usable, Entries(range(len(usable))))
        self._use(listed if self._built is None else _Meanwhile(self._built, listed, usable))
        self._work(self._build(usable, made_of, steps))

    def _build(
        self, usable: Sequence[Backend], made_of: Hashable, steps: Generator[None, None, Layout]
    ) -> Iterator[None]:
        """Do the steps, unless another build has begun meanwhile, or the layout is there."""
        number = self._builds
        while (layout := _LAYOUTS.get(made_of)) is None:
            try:
                next(steps)
            except StopIteration as built:
                _LAYOUTS[made_of] = layout = built.value
                break
            yield
            if number != self._builds:
                return
        assert layout is not None
        self._built = _Order(usable, layout)
        self._use(self._built)

    def _use(self, order: _Order | _Meanwhile) -> None:
        # Read in each pick: as attributes they cost no call of their own.
        self.first, self.walk = order.first, order.walk


class _Order:
    """A layout of backends."""

    def __init__(self, backends: Sequence[Backend], layout: Layout) -> None:
        self._backends = backends
        self._layout = layout
        self._place = layout.place

    def first(self, value: int) -> Backend:
        """Return the backend that a hash belongs to."""
        return self._backends[self._place(value)]

    def walk(self, value: int) -> Iterator[Backend]:
        """Yield the backends for a hash one after another."""
        return map(self._backends.__getitem__, self._layout.walk(value))


class _Meanwhile:
    """The order before, for backends that are still there; for the others their list."""

    def __init__(self, before: _Order, listed: _Order, usable: Sequence[Backend]) -> None:
        self._before = before
        self._listed = listed
        self._usable = frozenset(usable)

    def first(self, value: int) -> Backend:
        """Return the backend that a hash belongs to."""
        found = self._before.first(value)
        return found if found in self._usable else self._listed.first(value)

    def walk(self, value: int) -> Iterator[Backend]:
        """Yield the backends for a hash one after another."""
        yield self.first(value)
        yield from self._listed.walk(value)
