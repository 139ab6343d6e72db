"""The algorithms: how they spread, what they remember, what they do about endpoints that failed."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, closed, inputs, opened, picked

from kubeproxy.balancers import BALANCERS, Backend, OwnTurns

CHI_SQUARE_999 = {1: 10.83, 2: 13.82, 4: 18.47, 9: 27.88}
"""Quantiles at 0.999, by degrees of freedom."""
REFUSES = {
    "dh": "IPVS refuses clients whose server has weight 0",
    "sh": "the same, without the option fallback",
}
"""Algorithms that give nothing at all to some, rather than another backend."""
POINTS = {"haproxy_random", "nginx_consistent_hash", "ring_hash", "maglev", "envoy_ring_hash", "envoy_maglev"}
"""Algorithms that make many points for each endpoint: too much work for a test with thousands of them."""
NAMES = sorted({each.name for each in BALANCERS.values()})


@cache
def ten_thousand() -> tuple[Backend, ...]:
    return tuple(backends(*[1] * 10_000))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_random_is_uniform(count: int) -> None:
    algorithm, draws, among = balancer("random", given=inputs(1)), 20_000, backends(*[1] * count)
    algorithm.update(among)
    seen = Counter(picked(algorithm, draws, among))
    expected = draws / count
    assert sum((each - expected) ** 2 / expected for each in seen.values()) < CHI_SQUARE_999[count - 1]
    assert len(seen) == count


def test_random_is_independent_of_the_pick_before() -> None:
    algorithm, draws, among = balancer("random", given=inputs(2)), 20_000, backends(1, 1)
    algorithm.update(among)
    repeats = sum(one == next_one for one, next_one in pairwise(picked(algorithm, draws, among)))
    assert abs(repeats - draws / 2) < 4 * (draws / 4) ** 0.5


def test_round_robin_gives_each_its_turn() -> None:
    algorithm, among = balancer("round_robin"), backends(1, 1, 1, 1, 1)
    algorithm.update(among)
    picks = picked(algorithm, 10, among)
    assert picks[:5] == picks[5:]
    assert set(picks) == {1, 2, 3, 4, 5}


def test_round_robin_keeps_its_position_when_the_same_set_comes_in_another_order() -> None:
    disturbed, undisturbed = (balancer("round_robin", given=inputs(4)) for _ in range(2))
    among = backends(1, 1, 1, 1, 1)
    for each in (disturbed, undisturbed):
        each.update(among)
        each.pick(ASK)
    disturbed.update(among[::-1])
    assert picked(disturbed, 5, among) == picked(undisturbed, 5, among)


def test_round_robin_starts_anew_with_another_set() -> None:
    algorithm, among = balancer("round_robin"), backends(1, 1, 1, 1, 1)
    algorithm.update(among)
    algorithm.pick(ASK)
    algorithm.update(among[:2])
    assert Counter(picked(algorithm, 4, among)) == {1: 2, 2: 2}


def test_least_connections_takes_the_least_loaded() -> None:
    algorithm, among = balancer("least_connections"), backends(1, 1, 1, 1, 1, active=[3, 1, 2, 1, 4])
    algorithm.update(among)
    assert set(picked(algorithm, 4, among)) == {2, 4}


def test_least_connections_shares_ties() -> None:
    algorithm, among = balancer("least_connections"), backends(1, 1, 1, 1, 1)
    algorithm.update(among)
    assert Counter(picked(algorithm, 500, among)) == dict.fromkeys(range(1, 6), 100)


def test_least_connections_evens_out_long_connections() -> None:
    algorithm, among = balancer("least_connections"), backends(1, 1, 1, 1, 1)
    algorithm.update(among)
    for _ in range(23):
        found = algorithm.pick(ASK)
        assert found is not None
        opened(algorithm, found)
    loads = [each.counters.active for each in among]
    assert max(loads) - min(loads) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_every_algorithm_avoids_what_failed_while_there_is_another(name: str) -> None:
    algorithm, among = balancer(name, given=inputs(6)), backends(1, 1, 1)
    algorithm.update(among)
    avoid = {among[0].address, among[2].address}
    assert {algorithm.pick(ASK, avoid) for _ in range(20)} == {among[1]}
    assert algorithm.pick(ASK, {each.address for each in among}) in among


@pytest.mark.parametrize("name", NAMES)
def test_every_algorithm_has_nothing_to_give_without_endpoints(name: str) -> None:
    algorithm = balancer(name, given=inputs(7))
    assert algorithm.pick(ASK) is None
    algorithm.update(backends(1, 1))
    algorithm.update([])
    assert algorithm.pick(ASK, {"x"}) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_of_weight_0_gets_nothing_new(name: str) -> None:
    algorithm, among = balancer(name, given=inputs(7)), backends(1, 0, 1)
    algorithm.update(among)
    assert set(picked(algorithm, 50, among)) <= {1, 3} | ({0} if name in REFUSES else set())
    algorithm.update(backends(0, 0))
    assert algorithm.pick(ASK) is None


@pytest.mark.parametrize("name", NAMES)
def test_one_that_is_taken_out_gets_nothing_new_when_its_connections_end(name: str) -> None:
    algorithm, among = balancer(name, given=inputs(7)), backends(1, 1, 1)
    algorithm.update(among)
    for each in (*among, among[1], among[1]):
        opened(algorithm, each)
    algorithm.update([among[0], among[2]])
    for _ in range(3):
        closed(algorithm, among[1])
        assert set(picked(algorithm, 20, among)) <= {1, 3}
    algorithm.update(among)
    opened(algorithm, among[1])
    closed(algorithm, among[1])
    assert set(picked(algorithm, 20, among)) <= {1, 2, 3}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_foretold_comes_and_foretelling_takes_no_turn(name: str) -> None:
    algorithm = balancer(name, given=inputs(8))
    assert algorithm.upcoming(ASK) is None
    algorithm.update(backends(1, 1, 1, 1, 1))
    for _ in range(7):
        foretold = [algorithm.upcoming(ASK) for _ in range(3)]
        assert len(set(foretold)) == 1
        found = algorithm.pick(ASK)
        assert foretold[0] in (None, found)


@pytest.mark.parametrize(("name", "foretells"), [("least_connections", True), ("random", False), ("round_robin", True)])
def test_an_algorithm_foretells_what_chance_does_not_decide(name: str, foretells: bool) -> None:
    algorithm = balancer(name, given=inputs(8))
    algorithm.update(backends(1, 1, 1))
    assert (algorithm.upcoming(ASK) is not None) is foretells


@pytest.mark.parametrize("name", ["least_connections", "round_robin"])
def test_two_that_share_their_turns_balance_as_one(name: str) -> None:
    turns, among = OwnTurns(), backends(1, 1, 1, 1, 1)
    both = [balancer(name, given=inputs(9, turns=turns)) for _ in range(2)]
    for each in both:
        each.update(among)
    picks = [both[turn % 3 % 2].pick(ASK) for turn in range(20)]
    assert Counter(picks) == dict.fromkeys(among, 4)
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


@pytest.mark.parametrize("name", NAMES)
def test_a_single_endpoint_gets_everything(name: str) -> None:
    algorithm, among = balancer(name, given=inputs(9)), backends(1)
    algorithm.update(among)
    assert set(picked(algorithm, 5, among)) == {1}
    assert algorithm.pick(ASK, {among[0].address}) is among[0]


@pytest.mark.parametrize("name", NAMES)
def test_an_endpoint_that_vanishes_with_connections_gets_no_more_and_its_connections_end_in_peace(name: str) -> None:
    algorithm, among = balancer(name, given=inputs(10)), backends(1, 1, 1)
    algorithm.update(among)
    held = [each for _ in range(6) if (each := algorithm.pick(ASK))]
    for each in held:
        opened(algorithm, each)
    algorithm.update(among[1:])
    assert set(picked(algorithm, 20, among)) <= {2, 3}
    for each in held:
        # The load balancer tells an algorithm nothing of those that have left.
        each.counters.active -= each is among[0]
        if each is not among[0]:
            closed(algorithm, each)
    assert set(picked(algorithm, 20, among)) <= {2, 3}
    algorithm.update(among)
    assert algorithm.pick(ASK) in among


@pytest.mark.parametrize("name", NAMES)
def test_ten_thousand_endpoints_are_chosen_from_and_one_of_them_drained(name: str) -> None:
    count = 100 if name in POINTS else 10_000
    algorithm, among = balancer(name, given=inputs(11)), list(ten_thousand()[:count])
    algorithm.update(among)
    found = algorithm.pick(ASK)
    assert found in among
    assert found is not None
    among[among.index(found)] = drained = Backend(found.endpoint._replace(weight=0), found.counters, len(among))
    algorithm.update(among)
    after = algorithm.pick(ASK)
    assert after not in (drained, found)
    assert after is not None or name in REFUSES
