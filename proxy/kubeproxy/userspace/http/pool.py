"""Connections to endpoints that wait for their next request, of one Service port. Pure.

The latest is used first, so that those that are too many expire. A connection to an endpoint that is not usable any
more is never returned.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, Protocol, TypeVar


class Idle(Protocol):
    """A connection; the pool sets ``idle_since``, in seconds of the clock."""

    endpoint: str
    idle_since: float

    def close(self) -> None:
        """End it. It has been removed from the pool already."""
        ...


T = TypeVar("T", bound=Idle)


class Pool(Generic[T]):
    """By endpoint, ``ip:port``; at most ``limit`` to each. Every endpoint is usable until ``update`` says which are."""

    __slots__ = ("_idle", "_limit", "_usable")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._idle: dict[str, list[T]] = {}
        self._usable: frozenset[str] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def update(self, usable: Collection[str]) -> None:
        """Keep connections to these endpoints only."""
        self._usable = frozenset(usable)
        for endpoint in self._idle.keys() - self._usable:
            self.drop(endpoint)

    def take(self, endpoint: str) -> T | None:
        """Remove and return the latest connection to ``endpoint``, None if there is none."""
        idle = self._idle.get(endpoint)
        return idle.pop() if idle else None

    def put(self, connection: T, now: float) -> None:
        """Keep a connection, or close it when its endpoint has enough or is not usable."""
        if self._usable is not None and connection.endpoint not in self._usable:
            connection.close()
            return
        idle = self._idle.setdefault(connection.endpoint, [])
        if len(idle) >= self._limit:
            connection.close()
            return
        connection.idle_since = now
        idle.append(connection)

    def forget(self, connection: T) -> None:
        """Remove a connection that has ended by itself."""
        idle = self._idle.get(connection.endpoint)
        if idle and connection in idle:
            idle.remove(connection)

    def drop(self, endpoint: str) -> None:
        """Close all idle connections to one endpoint."""
        for connection in self._idle.pop(endpoint, ()):
            connection.close()

    def clear(self) -> None:
        """Close all idle connections."""
        for endpoint in tuple(self._idle):
            self.drop(endpoint)

    def expire(self, before: float) -> None:
        """Close what has been idle since ``before`` or longer."""
        for endpoint, idle in tuple(self._idle.items()):
            count = next((index for index, each in enumerate(idle) if each.idle_since > before), len(idle))
            expired, idle[:count] = idle[:count], []
            if not idle:
                del self._idle[endpoint]
            for connection in expired:
                connection.close()
