"""Least connections by buckets: the same choice as by looking at all."""

from __future__ import annotations

import random

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, closed, inputs, opened

from kubeproxy.balancers import Backend, OwnTurns
from kubeproxy.balancers.loadbuckets import LoadBuckets


@pytest.mark.parametrize(("seed", "count"), [(1, 1), (2, 2), (3, 7), (4, 64), (5, 65), (6, 200)])
def test_buckets_choose_what_a_look_at_all_would(seed: int, count: int) -> None:
    rng, among = random.Random(seed), backends(*[1] * count)
    given = inputs(turns=OwnTurns()), inputs(load=lambda each: each.counters.active, turns=OwnTurns())
    by_buckets, by_looking = (balancer("least_connections", given=one) for one in given)
    for algorithm in (by_buckets, by_looking):
        algorithm.update(among)
    held: list[Backend] = []
    for _ in range(600):
        if held and rng.random() < 0.48:
            closed(by_buckets, held.pop(rng.randrange(len(held))))
            continue
        found = by_buckets.pick(ASK)
        assert found is by_looking.pick(ASK)
        assert found is not None
        opened(by_buckets, found)
        held.append(found)
        if rng.random() < 0.05:
            shown = [each for each in among if rng.random() < 0.8 or each is found]
            for algorithm in (by_buckets, by_looking):
                algorithm.update(shown)
            held = [each for each in held if each in shown]
            for each in among:
                if each not in shown:
                    each.counters.active = 0


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


def test_memory_does_not_grow_with_the_number_of_loads() -> None:
    buckets = LoadBuckets(range(200))
    assert sum(len(each.words) for each in buckets._buckets.values()) == 200
    for place in range(1, 200):
        for _ in range(place):
            buckets.change(place, -1)
    assert list(buckets._buckets) == [0]
    assert len(buckets._buckets[0].words) == 4
