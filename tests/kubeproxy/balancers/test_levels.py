"""What finds a backend without looking at all of them: by its level, by a number, by a point of a circle."""

from __future__ import annotations

import random
from array import array
from bisect import bisect_left

import pytest
from tests.helpers.kubeproxy.balancing import backends

from kubeproxy.balancers.circles import Arcs, circle
from kubeproxy.balancers.levels import Levels
from kubeproxy.balancers.ranges import WeightRanges


def test_the_least_level_is_that_of_a_bucket_that_is_not_empty() -> None:
    levels = Levels[list[str]](list)
    assert levels.least() is None
    for level, what in ((3, "c"), (1.5, "a"), (2, "b")):
        levels.at(level).append(what)
    assert (levels.least(), levels.lowest()) == (["a"], 1.5)
    levels.at(1.5).clear()
    assert (levels.least(), levels.lowest()) == (["b"], 2)
    levels.at(0).append("z")
    assert [*levels.ascending()] == [["z"], ["b"], ["c"]]


def test_levels_that_are_left_behind_take_no_room_for_ever() -> None:
    levels = Levels[list[int]](list)
    levels.at(-1).append(0)
    for level in range(1000):
        levels.at(level).append(1)
        levels.at(level).clear()
    assert len([*levels.ascending()]) < 100
    assert levels.least() == [0]


@pytest.mark.parametrize("weights", [(1,), (7, 7, 7), (5, 1, 1), (1, 256, 1), (1, 1, 1, 250), (256, 255) * 9])
def test_each_number_is_of_the_backend_whose_weight_it_is(weights: tuple[int, ...]) -> None:
    among = backends(*weights)
    ranges = WeightRanges(among)
    expected = [each for each, weight in zip(among, weights, strict=True) for _ in range(weight)]
    assert [ranges.at(number) for number in range(ranges.total)] == expected
    assert ranges.at(ranges.total - 1e-9) is among[-1]


@pytest.mark.parametrize(("count", "bits"), [(1, 32), (3, 32), (4, 64), (500, 32), (500, 64)])
def test_a_hash_is_in_the_arc_that_ends_at_or_after_it_whatever_their_number(count: int, bits: int) -> None:
    rng = random.Random(count)
    ends = sorted(rng.getrandbits(bits) for _ in range(count))
    making = circle(Arcs(array("Q", ends), array("I", range(count))), bits)
    try:
        while True:
            next(making)
    except StopIteration as made:
        found = made.value
    values = [0, (1 << bits) - 1, *ends, *(each + 1 for each in ends[:-1]), *(rng.getrandbits(bits) for _ in range(99))]
    assert [found.place(each) for each in values] == [bisect_left(ends, each) % count for each in values]
    assert next(found.walk(ends[0] + 1)) == 1 % count
