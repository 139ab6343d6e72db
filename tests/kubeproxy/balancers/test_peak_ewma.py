"""Peak EWMA, by the numbers of Finagle's rule."""

from __future__ import annotations

from math import exp

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, inputs, opened, picked

from kubeproxy.balancers import Backend, Balancer


class Ground:
    """An algorithm with two backends and a clock in hand."""

    def __init__(self, options: str = '{"full_scan": true}', count: int = 2) -> None:
        self.now = 100.0
        self.algorithm: Balancer = balancer("peak_ewma", options, inputs(1, clock=lambda: self.now))
        self.among: list[Backend] = backends(*[1] * count)
        self.algorithm.update(self.among)

    def hear(self, *seconds: float) -> None:
        for each, heard in zip(self.among, seconds, strict=False):
            self.algorithm.answered(each, heard)

    def best(self) -> int:
        (found,) = picked(self.algorithm, 1, self.among)
        return found


def test_the_lower_latency_wins_and_as_many_requests_as_it_is_faster_even_out() -> None:
    ground = Ground()
    ground.hear(0.010, 0.031)
    won = []
    for _ in range(4):
        won.append(ground.best())
        opened(ground.algorithm, ground.among[won[-1] - 1])
    assert won == [1, 1, 1, 2]


def test_a_peak_counts_at_once_and_a_low_one_slowly() -> None:
    ground = Ground()
    ground.hear(0.010, 0.020)
    ground.hear(0.500)
    assert ground.best() == 2
    ground.now += 10
    ground.hear(0.010, 0.010)
    # Ten seconds later a peak weighs 1/e: 0.5/e + 0.01(1 - 1/e), beside 0.02/e + 0.01(1 - 1/e).
    assert ground.best() == 2


@pytest.mark.parametrize(("seconds", "best"), [(0.0, 1), (10 * 0.68, 1), (10 * 0.70, 2)])
def test_a_latency_halves_in_ln_2_times_the_decay_while_nothing_is_heard(seconds: float, best: int) -> None:
    ground = Ground()
    ground.hear(0.010, 0.020)
    ground.now += seconds
    ground.hear(0.010)
    assert exp(-0.68) > 0.5 > exp(-0.70)
    assert ground.best() == best


def test_one_that_is_unknown_gets_one_request_and_no_other_until_it_answers() -> None:
    ground = Ground()
    ground.hear(0.010)
    assert ground.best() == 2
    opened(ground.algorithm, ground.among[1])
    for _ in range(50):
        opened(ground.algorithm, ground.among[0])
    assert ground.best() == 1
    ground.hear(0.010, 0.020)
    assert ground.best() == 2


def test_a_default_makes_all_known_from_the_start() -> None:
    ground = Ground('{"full_scan": true, "default_rtt_ms": 30}')
    opened(ground.algorithm, ground.among[0])
    ground.hear(0.025)
    assert ground.best() == 2


def test_two_draws_compare_two_different_ones() -> None:
    ground = Ground("{}", count=2)
    ground.hear(0.020, 0.010)
    assert set(picked(ground.algorithm, 50, ground.among)) == {2}
    ground = Ground("{}", count=3)
    ground.hear(0.010, 0.020, 0.030)
    assert set(picked(ground.algorithm, 200, ground.among)) == {1, 2}


def test_the_best_of_all_is_foretold_and_what_chance_draws_is_not() -> None:
    for options, foretold in (('{"full_scan": true}', 2), ("{}", 0)):
        ground = Ground(options)
        ground.hear(0.020, 0.010)
        found = ground.algorithm.upcoming(ASK)
        assert (ground.among.index(found) + 1 if found else 0) == foretold


def test_what_is_known_stays_when_others_come_and_is_forgotten_with_those_that_leave() -> None:
    ground = Ground()
    ground.hear(0.010, 0.020)
    ground.algorithm.update(ground.among[:1])
    ground.hear(0.010, 0.030)
    ground.algorithm.update(ground.among)
    assert ground.best() == 2
    opened(ground.algorithm, ground.among[1])
    assert ground.best() == 1
