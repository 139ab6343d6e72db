"""How old the knowledge of a resource is. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from kubeapi.scheme import Resource


class Freshness(NamedTuple):
    """``seen_at`` is when the server last said something (None: never); ``problem`` why it does not now ("": it does).

    ``remark`` is what a user should know meanwhile. Times are of the ListerWatcher's clock, in seconds.
    """

    seen_at: float | None = None
    problem: str = ""
    remark: str = ""

    def age(self, now: float) -> float:
        """Return how old the knowledge is, in seconds: 0 in touch with the server, infinite before the first list."""
        if self.seen_at is None:
            return math.inf
        return max(now - self.seen_at, 0.0) if self.problem else 0.0


def oldest(known: Mapping[Resource, Freshness], now: float) -> tuple[Resource, Freshness] | None:
    """Return the resource with the oldest knowledge; None if all of them are in touch."""
    lost = [(each, fresh) for each, fresh in known.items() if fresh.problem or fresh.seen_at is None]
    return max(lost, key=lambda each: each[1].age(now), default=None)
