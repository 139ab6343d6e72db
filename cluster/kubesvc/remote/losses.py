"""Says when a cluster's API server cannot be reached, and when it can be again: what was known is served meanwhile."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping

from kubeapi.scheme import Resource
from kubeclient.listwatch.freshness import Freshness, oldest

LOOK_SECONDS = 1.0
"""Pause between two looks; a loss is said when two looks have seen it, as a watch that ends is begun anew at once."""


class Losses:
    """Remembers what has been said. Pure."""

    def __init__(self) -> None:
        self._seen = ""
        self._said = ""

    def look(self, known: Mapping[Resource, Freshness], now: float) -> str:
        """Return the line for the user, "" if there is nothing new."""
        lost = oldest({resource: fresh for resource, fresh in known.items() if fresh.problem}, now)
        problem = lost[1].problem if lost is not None else ""
        seen, self._seen = self._seen, problem
        if problem == self._said or problem != seen:
            return ""
        self._said = problem
        if lost is None:
            return "in touch with the API server again"
        age = lost[1].age(now)
        serves = "nothing is known yet" if math.isinf(age) else f"what was known {age:.0f} s ago is served"
        return f"{problem}; {serves}, and it is tried again"


async def tell_of_losses(
    freshness: Callable[[], Mapping[Resource, Freshness]], now: Callable[[], float], say: Callable[[str], None]
) -> None:
    """Say each loss once, and its end, until cancelled."""
    losses = Losses()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if line := losses.look(freshness(), now()):
            say(line)
