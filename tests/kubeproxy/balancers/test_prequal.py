"""Prequal: which answer is used, how often, and when chance decides."""

from __future__ import annotations

from collections import Counter
from math import inf

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, inputs, picked

from kubeproxy.balancers import Backend, Balancer, Tell
from kubeproxy.balancers.balancer import Probe
from kubeproxy.balancers.probepool import ProbePool, reuse_budget


def pool_of(*answers: tuple[int, float], quantile: float = 0.5, uses: float = inf) -> tuple[ProbePool, list[Backend]]:
    pool, among = ProbePool(16, quantile, lambda: uses), backends(*[1] * len(answers))
    pool.know(among)
    for backend, (in_flight, latency) in zip(among, answers, strict=True):
        pool.hear(backend, (in_flight, latency), 0.0)
    pool.look(0.0)
    return pool, among


@pytest.mark.parametrize(
    ("answers", "quantile", "best", "worst"),
    [
        ([(1, 0.03), (1, 0.01), (1, 0.02)], 0.84, 1, 0),
        ([(9, 0.01), (1, 0.03), (2, 0.02)], 0.5, 2, 0),
        ([(9, 0.01), (8, 0.03), (2, 0.02), (7, 0.02)], 0.0, 2, 0),
        ([(9, 0.01), (8, 0.03)], 1.0, 0, 1),
    ],
)
def test_the_fastest_cold_one_is_best_and_the_busiest_hot_one_worst(
    answers: list[tuple[int, float]], quantile: float, best: int, worst: int
) -> None:
    pool, among = pool_of(*answers, quantile=quantile)
    assert pool.use_best() is among[best]
    pool, among = pool_of(*answers, quantile=quantile)
    pool.remove_worst()
    left = {pool.use_best() for _ in range(20)}
    assert among[worst] not in left


def test_where_all_are_hot_the_one_with_the_fewest_requests_is_taken_and_counts_one_more() -> None:
    pool, among = pool_of((0, 9.0), (5, 0.1), (6, 0.1), quantile=0.0)
    pool.know(among[1:])
    assert [pool.use_best() for _ in range(3)] == [among[1], among[1], among[2]]


def test_an_answer_is_used_up_expires_and_makes_room() -> None:
    pool, among = pool_of((1, 0.01), (1, 0.02), uses=1)
    assert [pool.use_best() for _ in range(3)] == [among[0], among[1], None]
    pool, among = pool_of(*[(1, 0.01)] * 20)
    assert len(pool) == 16
    pool.look(0.5)
    assert len(pool) == 0


def test_a_newer_answer_replaces_that_of_the_same_backend() -> None:
    pool, among = pool_of((1, 0.01), (1, 0.02))
    pool.hear(among[0], (1, 0.05), 1.0)
    assert len(pool) == 2
    assert pool.use_best() is among[1]


@pytest.mark.parametrize(
    ("probes", "removals", "filled", "uses"),
    [(3.0, 1.0, 0.16, 1.3158), (1.0, 0.25, 0.16, 3.3898), (3.0, 0.0, 0.0, 1.0), (3.0, 1.0, 1.6, inf)],
)
def test_the_budget_of_reuse_is_the_papers(probes: float, removals: float, filled: float, uses: float) -> None:
    assert reuse_budget(1.0, probes, removals, filled) == pytest.approx(uses, abs=1e-4)


class Ground:
    """An algorithm whose probes are answered by hand."""

    def __init__(self, options: str = "{}", count: int = 100) -> None:
        self.now = 10.0
        self.asked: list[tuple[Backend, Tell]] = []
        given = inputs(5, clock=lambda: self.now)._replace(probe=self.probe())
        self.algorithm: Balancer = balancer("prequal", options, given)
        self.among = backends(*[1] * count)
        self.algorithm.update(self.among)

    def probe(self) -> Probe:
        return lambda backend, tell: self.asked.append((backend, tell))

    def answer(self, *best: Backend) -> None:
        """Answer all that is asked: the best are idle and fast, the others are not."""
        asked, self.asked = self.asked, []
        for backend, tell in asked:
            tell(backend, (0, 0.001) if backend in best else (3, 0.1), self.now)


def test_each_request_asks_three_different_ones() -> None:
    ground = Ground(count=3)
    for _ in range(20):
        ground.algorithm.pick(ASK)
        assert {each for each, _ in ground.asked} == set(ground.among)
        ground.asked.clear()


def test_a_fraction_of_a_probe_is_asked_now_and_then() -> None:
    ground = Ground('{"probes": 0.25}')
    picked(ground.algorithm, 40, ground.among)
    assert len(ground.asked) == 10


def test_the_best_gets_more_than_its_share_by_the_answers_and_no_more_without_them() -> None:
    ground = Ground(count=20)
    seen: Counter[Backend | None] = Counter()
    for _ in range(400):
        seen[ground.algorithm.pick(ASK)] += 1
        ground.answer(ground.among[0])
        ground.now += 0.01
    assert seen[ground.among[0]] > 100
    seen.clear()
    ground.now += 2
    for _ in range(400):
        seen[ground.algorithm.pick(ASK)] += 1
    assert seen[ground.among[0]] < 60


def test_what_a_backend_that_has_left_says_is_not_heard() -> None:
    ground = Ground(count=4)
    ground.algorithm.pick(ASK)
    ground.algorithm.update(ground.among[:2])
    ground.answer(*ground.among)
    assert set(picked(ground.algorithm, 50, ground.among)) <= {1, 2}
