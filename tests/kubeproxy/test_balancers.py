"""The algorithms: how they spread, what they remember, what they do about endpoints that failed."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from kubeproxy.balancers import BALANCERS, Balancer, Inputs, LeastConnections, Load, OwnTurns, RandomChoice, RoundRobin
from kubeproxy.types import Endpoint

ENDPOINTS = [Endpoint(f"127.245.0.{number}", 80) for number in range(1, 6)]

CHI_SQUARE_999 = {1: 10.83, 2: 13.82, 4: 18.47, 9: 27.88}
"""Quantiles at 0.999, by degrees of freedom."""


def inputs(seed: int = 0, load: Load = lambda _: 0, turns: OwnTurns | None = None) -> Inputs:
    """What an algorithm is given; a rotation of its own unless one is shared."""
    return Inputs(random.Random(seed), load, turns or OwnTurns())


@pytest.mark.parametrize("count", [2, 3, 5])
def test_random_is_uniform(count: int) -> None:
    balancer, draws = RandomChoice(inputs(1)), 20_000
    balancer.update(ENDPOINTS[:count])
    seen = Counter(balancer.pick() for _ in range(draws))
    expected = draws / count
    assert sum((each - expected) ** 2 / expected for each in seen.values()) < CHI_SQUARE_999[count - 1]
    assert len(seen) == count


def test_random_is_independent_of_the_pick_before() -> None:
    balancer, draws = RandomChoice(inputs(2)), 20_000
    balancer.update(ENDPOINTS[:2])
    picks = [balancer.pick() for _ in range(draws)]
    repeats = sum(one == next_one for one, next_one in pairwise(picks))
    assert abs(repeats - draws / 2) < 4 * (draws / 4) ** 0.5


def test_round_robin_gives_each_its_turn() -> None:
    balancer = RoundRobin(inputs(3))
    balancer.update(ENDPOINTS)
    picks = [balancer.pick() for _ in range(10)]
    assert picks[:5] == picks[5:]
    assert set(picks) == set(ENDPOINTS)


def test_round_robin_keeps_its_position_when_the_same_set_comes_in_another_order() -> None:
    balancer, undisturbed = RoundRobin(inputs(4)), RoundRobin(inputs(4))
    for each in (balancer, undisturbed):
        each.update(ENDPOINTS)
        each.pick()
    balancer.update(ENDPOINTS[::-1])
    assert [balancer.pick() for _ in range(5)] == [undisturbed.pick() for _ in range(5)]


def test_round_robin_starts_anew_with_another_set() -> None:
    balancer = RoundRobin(inputs(5))
    balancer.update(ENDPOINTS)
    balancer.pick()
    balancer.update(ENDPOINTS[:2])
    assert Counter(balancer.pick() for _ in range(4)) == dict.fromkeys(ENDPOINTS[:2], 2)


def test_least_connections_takes_the_least_loaded() -> None:
    loads = dict(zip(ENDPOINTS, [3, 1, 2, 1, 4], strict=True))
    balancer = LeastConnections(inputs(load=loads.__getitem__))
    balancer.update(ENDPOINTS)
    assert {balancer.pick() for _ in range(4)} == {ENDPOINTS[1], ENDPOINTS[3]}


def test_least_connections_shares_ties() -> None:
    balancer = LeastConnections(inputs())
    balancer.update(ENDPOINTS)
    assert Counter(balancer.pick() for _ in range(500)) == dict.fromkeys(ENDPOINTS, 100)


def test_least_connections_evens_out_long_connections() -> None:
    loads: Counter[Endpoint] = Counter()
    balancer = LeastConnections(inputs(load=loads.__getitem__))
    balancer.update(ENDPOINTS)
    for _ in range(23):
        picked = balancer.pick()
        assert picked is not None
        loads[picked] += 1
    assert max(loads.values()) - min(loads.values()) <= 1


@pytest.mark.parametrize("name", BALANCERS)
def test_every_algorithm_avoids_what_failed_while_there_is_another(name: str) -> None:
    balancer = BALANCERS[name](inputs(6))
    balancer.update(ENDPOINTS[:3])
    avoid = {ENDPOINTS[0].address, ENDPOINTS[2].address}
    assert {balancer.pick(avoid) for _ in range(20)} == {ENDPOINTS[1]}
    assert balancer.pick({each.address for each in ENDPOINTS}) in ENDPOINTS[:3]


@pytest.mark.parametrize("name", BALANCERS)
def test_every_algorithm_has_nothing_to_give_without_endpoints(name: str) -> None:
    balancer = BALANCERS[name](inputs(7))
    assert balancer.pick() is None
    balancer.update(ENDPOINTS)
    balancer.update([])
    assert balancer.pick({"x"}) is None


@pytest.mark.parametrize("name", BALANCERS)
def test_what_is_foretold_comes_and_foretelling_takes_no_turn(name: str) -> None:
    balancer = BALANCERS[name](inputs(8))
    assert balancer.upcoming() is None
    balancer.update(ENDPOINTS)
    for _ in range(7):
        foretold = [balancer.upcoming() for _ in range(3)]
        assert len(set(foretold)) == 1
        picked = balancer.pick()
        assert foretold[0] in (None, picked)


@pytest.mark.parametrize(("name", "foretells"), [("least_connections", True), ("random", False), ("round_robin", True)])
def test_an_algorithm_foretells_what_chance_does_not_decide(name: str, foretells: bool) -> None:
    balancer = BALANCERS[name](inputs(8))
    balancer.update(ENDPOINTS)
    assert (balancer.upcoming() is not None) is foretells


@pytest.mark.parametrize("name", ["least_connections", "round_robin"])
def test_two_that_share_their_turns_balance_as_one(name: str) -> None:
    turns, picks = OwnTurns(), list[Endpoint | None]()
    both: list[Balancer] = [BALANCERS[name](inputs(9, turns=turns)) for _ in range(2)]
    for each in both:
        each.update(ENDPOINTS)
    for turn in range(20):
        picks.append(both[turn % 3 % 2].pick())
    assert Counter(picks) == dict.fromkeys(ENDPOINTS, 4)
    assert picks[:5] == picks[5:10] == picks[10:15]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("least_connections", "each flow gets the one of 3 with the fewest connections"),
        ("random", "each flow gets one of 3 with the same chance"),
        ("round_robin", "each flow gets the next of 3 in turn"),
    ],
)
def test_every_algorithm_says_how_it_chooses(name: str, expected: str) -> None:
    assert BALANCERS[name].describe("flow", 3) == expected
