"""Tables that are built in steps: shared by all that want them, and given up when nobody does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, inputs

from kubeproxy.balancers import Asking, Backend, Balancer

ASKS = [Asking("127.0.0.1", ASK.destination, key=f"key-{number}") for number in range(100)]
OPTIONS = {"maglev": '{"table_size": 10007, "hash_on": "path"}', "ring_hash": '{"minimum_ring_size": 3000}'}


class Steps:
    """Keeps the builds that are to be done."""

    def __init__(self) -> None:
        self.waiting: list[Iterator[None]] = []

    def algorithm(self, name: str) -> Balancer:
        return balancer(name, OPTIONS[name], inputs()._replace(work=self.waiting.append))

    def finish(self) -> int:
        """Do all steps; return how many there were."""
        waiting, self.waiting = self.waiting, []
        return sum(1 for steps in waiting for _ in steps)


def owners(algorithm: Balancer) -> list[Backend | None]:
    return [algorithm.pick(each) for each in ASKS]


@pytest.mark.parametrize("name", OPTIONS)
def test_two_that_want_the_same_table_build_it_once(name: str) -> None:
    steps, among = Steps(), backends(1, 2, 1)
    first, second = steps.algorithm(name), steps.algorithm(name)
    first.update(among)
    second.update(among)
    assert len(steps.waiting) == 1
    before = owners(second)
    assert steps.finish() > 1
    assert owners(first) == owners(second) != before


@pytest.mark.parametrize("name", OPTIONS)
def test_a_table_that_nobody_wants_any_more_is_given_up(name: str) -> None:
    steps, among = Steps(), backends(1, 2, 1)
    algorithm = steps.algorithm(name)
    algorithm.update(among)
    next(steps.waiting[0])
    algorithm.update(among[:2])
    unwanted, wanted = steps.waiting
    assert list(unwanted) == []
    assert len(list(wanted)) > 1
    steps.waiting.clear()
    # Wanted again, it is built again.
    del unwanted
    algorithm.update(among)
    assert steps.finish() > 1
    assert set(owners(algorithm)) == set(among)


@pytest.mark.parametrize("name", OPTIONS)
def test_one_that_is_given_up_goes_on_for_another(name: str) -> None:
    steps, among = Steps(), backends(1, 2, 1)
    first, second = steps.algorithm(name), steps.algorithm(name)
    first.update(among)
    next(steps.waiting[0])
    second.update(among)
    first.update([])
    assert steps.finish() > 1
    assert set(owners(second)) == set(among)
    assert first.pick(ASK) is None
