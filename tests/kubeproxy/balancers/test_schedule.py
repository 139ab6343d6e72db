"""The schedule by deadlines: lines of equal periods give what one heap of exact fractions gives."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import count

import pytest
from tests.helpers.kubeproxy.balancing import backends

from kubeproxy.balancers import Backend
from kubeproxy.balancers.envoy.schedule import Schedule, unit_of


class Plain:
    """The same schedule as its definition says it."""

    def __init__(self, among: list[Backend]) -> None:
        self._numbers = count()
        self._due = {each: (period(each), each.weight, next(self._numbers)) for each in among}

    def take(self, avoid: set[str]) -> Backend:
        passed: list[Backend] = []
        while True:
            first = min(self._due.keys() - set(passed), key=lambda each: self._due[each])
            passed.append(first)
            if first.address not in avoid:
                break
        now = self._due[first][0]
        for each in passed:
            self._due[each] = (now + period(each), each.weight, next(self._numbers))
        return first


def period(backend: Backend) -> Fraction:
    return Fraction(backend.counters.active + 1, backend.weight)


@pytest.mark.parametrize("seed", range(8))
def test_turns_come_as_the_definition_says_whatever_the_loads(seed: int) -> None:
    rng = random.Random(seed)
    among = backends(*[rng.choice([1, 2, 3, 5, 7, 256]) for _ in range(rng.randrange(2, 9))])
    unit = unit_of([each.weight for each in among])
    schedule = Schedule(among, lambda each: unit // each.weight * (each.counters.active + 1), 0)
    plain = Plain(sorted(among, key=lambda each: each.weight))
    for _ in range(300):
        avoid = {rng.choice(among).address} if rng.random() < 0.1 else set()
        taken = schedule.take_other(avoid) if avoid else schedule.take()
        assert taken is plain.take(avoid)
        if rng.random() < 0.7:
            taken.counters.active += 1
        rng.choice(among).counters.active = rng.randrange(4)


@pytest.mark.parametrize("weights", [(1, 2, 5), (3, 3, 7, 1), (256, 1)])
def test_a_schedule_that_starts_later_goes_on_where_one_from_the_beginning_is(weights: tuple[int, ...]) -> None:
    among = backends(*weights)
    unit = unit_of(weights)
    for start in range(sum(weights) + 3):
        from_there = Schedule(among, lambda each: unit // each.weight, start)
        from_the_beginning = Schedule(among, lambda each: unit // each.weight, 0)
        for _ in range(start):
            from_the_beginning.take()
        assert [from_there.take() for _ in range(20)] == [from_the_beginning.take() for _ in range(20)]
