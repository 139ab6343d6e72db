"""Which of a pod's connections to the API server carries a new forwarded connection, and when another is opened. Pure.

SPDY has no flow control between the streams of a connection, so one that is held up, by a slow reader or a slow server,
gets no new streams as long as there may be another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MOST = 4
"""Connections to the API server for one pod."""
SHARED_BY = 8
"""Forwarded connections on each before another is opened."""


class Load(NamedTuple):
    """What one connection carries, and whether it is held up."""

    forwarded: int
    is_congested: bool


class Choice(NamedTuple):
    """``use`` is the connection to use, None to wait for another; ``opens`` tells whether another is to be opened."""

    use: int | None
    opens: bool


def choose(loads: Sequence[Load], most: int = MOST) -> Choice:
    """Decide for one more forwarded connection; there are to be ``most`` connections to the API server."""
    if not loads:
        return Choice(None, opens=True)
    index = min(range(len(loads)), key=lambda each: (loads[each].is_congested, loads[each].forwarded))
    best, has_room = loads[index], len(loads) < most
    if best.is_congested and has_room:
        return Choice(None, opens=True)
    return Choice(index, opens=has_room and best.forwarded >= SHARED_BY)
