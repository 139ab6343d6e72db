"""HAProxy's map of servers (``src/lb_map.c``): as many entries as the sum of the weights, evenly mixed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from math import gcd

from kubeproxy.balancers.balancer import Backend


def map_size(usable: Sequence[Backend]) -> int:
    """Return how many entries the map has: the sum of the weights without their common divisor."""
    return sum(each.weight for each in usable) // max(gcd(*(each.weight for each in usable)), 1)


def server_map(usable: Sequence[Backend]) -> Iterator[Backend]:
    """Yield the entries of the map, each in O(log n).

    In each step every server gains its weight; the one that is taken pays the sum of all. The first in the list whose
    account is not negative is taken, but before it one with whole sums in its account, of those one with the most. The
    step at which an account reaches a number of sums is known before, so that no step looks at every server.
    """
    weights = [each.weight for each in usable]
    total, size = sum(weights), map_size(usable)
    taken = [0] * len(weights)
    # What was known of a server before it was taken again is dropped: each event and entry has how often it was taken.
    due = {1: [(place, 0) for place in range(len(weights))]}
    # Each entry: minus the number of whole sums in the account, the place in the list, how often it was taken before.
    ready: list[tuple[int, int, int]] = []
    for step in range(1, size + 1):
        for place, before in due.pop(step, ()):
            if before == taken[place]:
                sums = step * weights[place] // total - before
                heappush(ready, (-sums, place, before))
                due.setdefault(_reached(total * (before + sums + 1), weights[place]), []).append((place, before))
        _, place, before = heappop(ready)
        while before != taken[place]:
            _, place, before = heappop(ready)
        yield usable[place]
        taken[place] = before = before + 1
        due.setdefault(max(_reached(total * before, weights[place]), step + 1), []).append((place, before))


def _reached(account: int, weight: int) -> int:
    """Return the first step at which a server has gained ``account``."""
    return -(-account // weight)
