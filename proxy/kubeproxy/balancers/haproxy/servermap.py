"""HAProxy's map of servers (``src/lb_map.c``): as many entries as the sum of the weights, evenly mixed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from math import gcd


def map_size(weights: Sequence[int]) -> int:
    """Return how many entries the map has: the sum of the weights without their common divisor."""
    return sum(weights) // max(gcd(*weights), 1)


def server_map(weights: Sequence[int]) -> Iterator[int]:
    """Yield the entries of the map, the places of servers with these weights, each in O(log n)."""
    size = map_size(weights)
    if size == len(weights):
        # All weights are the same.
        return iter(range(size))
    return _mixed(weights, size)


def _mixed(weights: Sequence[int], size: int) -> Iterator[int]:
    """Yield the places of the servers in the map.

    In each step every server gains its weight; the one that is taken pays the sum of all. The first in the list whose
    account is not negative is taken, but before it one with whole sums in its account, of those one with the most. The
    step at which an account reaches a number of sums is known before, so that no step looks at every server.
    """
    total = sum(weights)
    taken = [0] * len(weights)
    # A step, the place in the list, how often it was taken before: what was known before it was taken again is dropped.
    due = [(1, place, 0) for place in range(len(weights))]
    # Minus the number of whole sums in the account, the place, how often it was taken before.
    ready: list[tuple[int, int, int]] = []
    for step in range(1, size + 1):
        while due and due[0][0] <= step:
            _, place, before = heappop(due)
            if before == taken[place]:
                sums = step * weights[place] // total - before
                heappush(ready, (-sums, place, before))
                heappush(due, (_reached(total * (before + sums + 1), weights[place]), place, before))
        _, place, before = heappop(ready)
        while before != taken[place]:
            _, place, before = heappop(ready)
        yield place
        taken[place] = before = before + 1
        heappush(due, (max(_reached(total * before, weights[place]), step + 1), place, before))
        if len(ready) > 4 * len(weights):
            ready = [each for each in ready if each[2] == taken[each[1]]]
            heapify(ready)


def _reached(account: int, weight: int) -> int:
    """Return the first step at which a server has gained ``account``."""
    return -(-account // weight)
