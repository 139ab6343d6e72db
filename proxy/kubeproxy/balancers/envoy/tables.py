"""The tables of ring hash and Maglev: routes with the same endpoints share one, while it is built and afterwards."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterator
from typing import Protocol
from weakref import WeakValueDictionary

from kubeproxy.balancers.work import Work

Hosts = tuple[tuple[str, int], ...]
"""Addresses with their weights above 0, in the order of the addresses as texts."""


class Table(Protocol):
    """Says which host a hash belongs to."""

    def place(self, key: int) -> int:
        """Return the place of the host in ``Hosts``."""
        ...


class Build:
    """A table and its making; ``table`` is None until it is there. It goes on as long as there are ``users``."""

    def __init__(self, making: Generator[None, None, Table]) -> None:
        self._making = making
        self.table: Table | None = None
        self.users = 0

    def steps(self) -> Iterator[None]:
        """Make the table in steps."""
        while self.users:
            try:
                next(self._making)
            except StopIteration as made:
                self.table = made.value
                return
            yield


_BUILDS: WeakValueDictionary[Hashable, Build] = WeakValueDictionary()
"""Those that are in use, by what the tables depend on."""


def shared_build(key: Hashable, making: Generator[None, None, Table], work: Work) -> Build:
    """Return the build of a table for one more user; ``making`` is begun only if it is the first one."""
    build = _BUILDS.get(key)
    if build is not None:
        build.users += 1
        return build
    build = _BUILDS[key] = Build(making)
    build.users = 1
    work(build.steps())
    return build
