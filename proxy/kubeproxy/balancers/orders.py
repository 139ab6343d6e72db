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


Points = tuple["array[int]", "array[int]"]
"""Points in their order, and the place of the backend of each in the list."""


class Circle:
    """Points on a circle of 2**32, each a backend's: the next one at or after the hash, and the points after it.

    If ``is_nearest``, the point before the hash comes first if it is no farther away.
    """

    def __init__(self, backends: Sequence[Backend], points: Points, *, is_nearest: bool) -> None:
        self._backends = backends
        self._points, self._places = points
        self._is_nearest = is_nearest

    def first(self, value: int) -> Backend:
        """Return the backend that a hash belongs to."""
        return self._backends[self._places[self._find(value)]]

    def walk(self, value: int) -> Iterator[Backend]:
        """Yield the backends for a hash one after another."""
        start, count = self._find(value), len(self._points)
        return (self._backends[self._places[(start + step) % count]] for step in range(count))

    def _find(self, value: int) -> int:
        points = self._points
        after = bisect_left(points, value)
        if after == len(points):
            after = 0
        if self._is_nearest and (value - points[after - 1]) % _CIRCLE <= (points[after] - value) % _CIRCLE:
            return after - 1
        return after


def sorted_points(points: Iterator[tuple[int, int]], count: int) -> Generator[None, None, Points]:
    """Return in steps about ``count`` points with their places in order; of equal points the smallest place has it."""
    bits = max(count // _SHELF, 1).bit_length()
    shelves = [array("Q") for _ in range(1 << bits)]
    shift = 32 - bits
    for number, (point, place) in enumerate(points, 1):
        shelves[point >> shift].append(point << 32 | place)
        if number % _STEP == 0:
            yield
    found, places = array("I"), array("I")
    for number, shelf in enumerate(shelves, 1):
        for packed in sorted(shelf):
            point = packed >> 32
            if not found or found[-1] != point:
                found.append(point)
                places.append(packed & _CIRCLE - 1)
        if number % _SHELVES_A_STEP == 0:
            yield
    return found, places


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
