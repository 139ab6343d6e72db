"""In which order a hash goes through the backends, by tables that are built in steps. Pure.

The table of a large Service takes longer to build than clients may wait. While it is built, hashes go by the one before
as far as its backends are still there, else to the backend at hash modulo n. All that want the same table have one, be
they routes of several nodes or simulated clients: it is built once, for as long as anything wants it.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterator, Sequence
from typing import Protocol
from weakref import WeakSet, WeakValueDictionary

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.work import Work

Hosts = tuple[tuple[str, int], ...]
"""Addresses with their weights above 0."""


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
        self._count = len(places)

    def place(self, value: int) -> int:
        """Return the place of the backend that a hash belongs to."""
        return self._places[value % self._count]

    def walk(self, value: int) -> Iterator[int]:
        """Yield places for a hash one after another."""
        return (self._places[(value + step) % self._count] for step in range(self._count))


class _Build:
    """A layout and its making; ``layout`` is None until it is there. It goes on as long as it has users."""

    def __init__(self, making: Generator[None, None, Layout]) -> None:
        self._making = making
        self.layout: Layout | None = None
        self.users: WeakSet[BuiltOrder] = WeakSet()
        self.is_given_up = False

    def steps(self) -> Iterator[None]:
        """Make the layout in steps, and tell the users."""
        while self.users:
            try:
                next(self._making)
            except StopIteration as made:
                self.layout = made.value
                for each in tuple(self.users):
                    each.finish()
                return
            yield
        self.is_given_up = True


_BUILDS: WeakValueDictionary[Hashable, _Build] = WeakValueDictionary()
"""Those that are in use, by what the layouts are made of."""


class BuiltOrder:
    """In which order hashes go through backends; its layout is built anew for each set of them."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._usable: Sequence[Backend] = ()
        self._build: _Build | None = None
        self._built: _Order | None = None
        self._use(_Order((), Entries(())))

    def build(self, usable: Sequence[Backend], made_of: Hashable, steps: Generator[None, None, Layout]) -> None:
        """Go by the layout that ``steps`` return for ``usable`` once they are done; without backends by none.

        It is the same for all that have the same ``made_of``; the steps of only one of them are done.
        """
        if self._build is not None:
            self._build.users.discard(self)
        self._usable, self._build = usable, None
        if not usable:
            return
        listed = _Order(usable, Entries(range(len(usable))))
        self._use(listed if self._built is None else _Meanwhile(self._built, listed, usable))
        build = _BUILDS.get(made_of)
        is_new = build is None or build.is_given_up
        if build is None or is_new:
            build = _BUILDS[made_of] = _Build(steps)
        build.users.add(self)
        self._build = build
        if is_new:
            self._work(build.steps())
        elif build.layout is not None:
            self.finish()

    def finish(self) -> None:
        """Go by the layout, which is there now."""
        assert self._build is not None
        assert self._build.layout is not None
        self._built = _Order(self._usable, self._build.layout)
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
