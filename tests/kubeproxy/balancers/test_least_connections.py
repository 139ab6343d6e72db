"""Least connections by buckets: the same choice as by looking at all."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, closed, inputs, opened, picked

from kubeproxy.balancers import Backend, OwnTurns
from kubeproxy.balancers.loadbuckets import FEW, FewLoads, LoadBuckets, load_buckets


def looked_for(among: Sequence[Backend], taken: int) -> Backend:
    """Return the first with the least load from the place of the next turn on, by looking at all."""
    in_turn = [among[(taken + step) % len(among)] for step in range(len(among))]
    return min(in_turn, key=lambda each: each.counters.active)


@pytest.mark.parametrize(("seed", "count"), [(1, 1), (2, 2), (3, 7), (4, 64), (5, 65), (6, 200)])
def test_buckets_choose_what_a_look_at_all_would(seed: int, count: int) -> None:
    rng, among, turns = random.Random(seed), backends(*[1] * count), OwnTurns()
    algorithm = balancer("least_connections", given=inputs(turns=turns))
    shown, held = among, list[Backend]()
    algorithm.update(shown)
    for _ in range(600):
        if held and rng.random() < 0.48:
            closed(algorithm, held.pop(rng.randrange(len(held))))
            continue
        expected = looked_for(shown, turns.taken())
        assert algorithm.upcoming(ASK) is expected
        assert algorithm.pick(ASK) is expected
        opened(algorithm, expected)
        held.append(expected)
        if rng.random() < 0.05:
            shown = [each for each in among if rng.random() < 0.8 or each is expected]
            algorithm.update(shown)


def test_what_others_have_changed_is_sorted_anew() -> None:
    elsewhere, rows, among = dict.fromkeys(range(3), 0), set[int](), backends(1, 1, 1)
    for row, each in enumerate(among):
        each.counters.row = row
    given = inputs(load=lambda each: each.counters.active + elsewhere[each.counters.row])._replace(changed=lambda: rows)
    algorithm = balancer("least_connections", given=given)
    algorithm.update(among)
    elsewhere.update({0: 5, 1: 3})
    rows |= {0, 1}
    assert set(picked(algorithm, 5, among)) == {3}
    elsewhere.update({0: 0, 1: 1, 2: 1})
    rows |= {2}
    assert set(picked(algorithm, 5, among)) == {1}


@pytest.mark.parametrize(
    ("loads", "start", "place"),
    [
        ([0], 0, 0),
        ([0, 0, 0], 2, 2),
        ([1, 0, 1], 2, 1),
        ([5, 4, 4, 5], 3, 1),
        ([1] * 63 + [0] + [1] * 100, 0, 63),
        ([1] * 63 + [0, 0] + [1] * 100, 64, 64),
        ([1] * 63 + [0] + [1] * 100, 64, 63),
        ([1] * 130 + [0] + [1] * 100 + [0], 131, 231),
    ],
)
def test_the_next_of_the_least_loaded_is_found_around_the_end(loads: list[int], start: int, place: int) -> None:
    assert LoadBuckets(loads).first_of_least(start) == place
    assert FewLoads(loads).first_of_least(start) == place


def test_few_backends_and_many_are_sorted_alike() -> None:
    rng, loads = random.Random(3), [0] * 100
    few, many = FewLoads(loads), LoadBuckets(loads)
    for _ in range(2000):
        place = rng.randrange(100)
        loads[place] = max(0, loads[place] + rng.choice((-1, 1, 1, 3)))
        for each in (few, many):
            each.set(place, loads[place])
        start, least = rng.randrange(100), min(loads)
        first = next(at % 100 for at in range(start, start + 100) if loads[at % 100] == least)
        assert (few.first_of_least(start), many.first_of_least(start)) == (first, first)
    assert isinstance(load_buckets([0] * FEW), FewLoads)
    assert isinstance(load_buckets([0] * (FEW + 1)), LoadBuckets)


def test_memory_does_not_grow_with_the_number_of_loads() -> None:
    buckets = LoadBuckets(range(200))
    assert sum(len(each.words) for each in buckets._buckets.values()) == 200
    for place in range(1, 200):
        for load in range(place - 1, -1, -1):
            buckets.set(place, load)
    assert list(buckets._buckets) == [0]
    assert len(buckets._buckets[0].words) == 4


def test_a_load_that_jumps_leaves_the_least_of_the_others() -> None:
    buckets = LoadBuckets([0, 3, 5])
    buckets.set(0, 9)
    assert buckets.first_of_least(0) == 1
    buckets.set(2, 1)
    assert buckets.first_of_least(0) == 2
