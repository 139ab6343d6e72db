"""In which order a hash goes through the backends, by tables that are built in steps. Pure.

A small table is built at once. While a larger one is built, hashes go by the one before as far as its backends are
still there, else to the backend at hash modulo n.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from typing import Protocol

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


class Order(Protocol):
    """Goes through backends by a hash, a number from 0 on. There is at least one backend."""

    def first(self, value: int) -> Backend:
        """Return the backend that a hash belongs to."""
        ...

    def walk(self, value: int) -> Iterator[Backend]:
        """Yield the backends for a hash one after another, the same one more than once in some orders, one round."""
        ...


class Listed:
    """The backend at hash modulo n, and those after it in the list."""

    def __init__(self, backends: Sequence[Backend]) -> None:
        self._backends = backends

    def first(self, value: int) -> Backend:
        """Return the backend that a hash belongs to."""
        return self._backends[value % len(self._backends)]

    def walk(self, value: int) -> Iterator[Backend]:
        """Yield the backends for a hash one after another."""
        count = len(self._backends)
        return (self._backends[(value + step) % count] for step in range(count))


Arcs = tuple["array[int]", "array[int]"]
"""The last number of each arc of a circle in order, and the place of its backend in the list."""


class Circle:
    """Arcs of a circle of 2**32, each a backend's; a hash beyond the last arc is in the first one."""

    def __init__(self, backends: Sequence[Backend], arcs: Arcs) -> None:
        self._backends = backends
        self._ends, self._places = arcs

    def first(self, value: int) -> Backend:
        """Return the backend that a hash belongs to."""
        return self._backends[self._places[bisect_left(self._ends, value) % len(self._ends)]]

    def walk(self, value: int) -> Iterator[Backend]:
        """Yield the backends for a hash one after another."""
        start, count = bisect_left(self._ends, value), len(self._ends)
        return (self._backends[self._places[(start + step) % count]] for step in range(count))


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


class BuiltOrder:
    """An order that is built anew for each set of backends."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._builds = 0
        self._built: Order | None = None
        self._use(Listed(()))

    def build(self, usable: Sequence[Backend], steps: Generator[None, None, Order]) -> None:
        """Go by the order that ``steps`` return for ``usable`` (at least one) once they are done, the first one now."""
        self._builds += 1
        self._use(Listed(usable) if self._built is None else _Meanwhile(self._built, usable))
        build = self._build(steps, self._builds)
        if next(build, self) is not self:
            self._work(build)

    def _build(self, steps: Generator[None, None, Order], number: int) -> Iterator[None]:
        """Do the steps, unless another build has begun meanwhile."""
        while number == self._builds:
            try:
                next(steps)
            except StopIteration as built:
                self._built = built.value
                self._use(built.value)
                return
            yield

    def _use(self, order: Order) -> None:
        # Read in each pick: as attributes they cost no call of their own.
        self.first, self.walk = order.first, order.walk


class _Meanwhile:
    """The order before, for backends that are still there; for the others their list."""

    def __init__(self, before: Order, usable: Sequence[Backend]) -> None:
        self._before = before
        self._listed = Listed(usable)
        self._usable = frozenset(usable)

    def first(self, value: int) -> Backend:
        """Return the backend that a hash belongs to."""
        found = self._before.first(value)
        return found if found in self._usable else self._listed.first(value)

    def walk(self, value: int) -> Iterator[Backend]:
        """Yield the backends for a hash one after another."""
        yield self.first(value)
        yield from self._listed.walk(value)
