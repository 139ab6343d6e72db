"""Tables of hashes are built in steps, so that a large one stops nothing; what hashes go by meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, inputs

from kubeapi.balancing import read_options
from kubeproxy.balancers import BALANCERS, Asking, Backend, Balancer

ASKS = [Asking("127.0.0.1", ASK.destination, key=f"key-{number}") for number in range(300)]
TABLES = [
    ("nginx_consistent_hash", "", (2, 1)),
    ("haproxy_hash", "", (256, 255)),
    ("haproxy_hash", '{"hash_type": "consistent"}', (20, 19)),
]
"""Algorithms with options, and the weights of ten pairs of backends whose table takes some steps."""


class Worker:
    """Does the first step of each build, keeps those that are to go on, and lets them."""

    def __init__(self) -> None:
        self.builds: list[Iterator[None]] = []

    def __call__(self, steps: Iterator[None]) -> None:
        if next(steps, self) is not self:
            self.builds.append(steps)

    def finish(self) -> int:
        """Do all steps, each build in turn; return how many there were."""
        builds, self.builds = self.builds, []
        return sum(1 for build in builds for _ in build)


def started(name: str, options: str, worker: Worker | None = None) -> Balancer:
    """Return an algorithm whose builds go on with ``worker``, at once without one."""
    algorithm = BALANCERS[name]
    given = inputs() if worker is None else inputs()._replace(work=worker)
    return algorithm(given, read_options(options, algorithm.options))


def built_at_once(name: str, options: str, *updates: Sequence[Backend]) -> list[Backend | None]:
    """Return the backends of the keys by a table that is built at once, and forgotten."""
    algorithm = started(name, options)
    for each in updates:
        algorithm.update(each)
    return owners(algorithm)


def owners(algorithm: Balancer) -> list[Backend | None]:
    """Return the backends of the keys."""
    return [algorithm.pick(ask) for ask in ASKS]


@pytest.mark.parametrize(("name", "options", "weights"), TABLES)
def test_a_small_table_is_there_at_once(name: str, options: str, weights: Sequence[int]) -> None:
    worker, among = Worker(), backends(*[weights[1]] * 3)
    algorithm, other = started(name, options, worker), started(name, options)
    algorithm.update(among)
    other.update(among)
    assert not worker.builds
    assert owners(algorithm) == owners(other)


@pytest.mark.parametrize(("name", "options", "weights"), TABLES)
def test_a_large_table_is_built_in_steps_and_is_the_same(name: str, options: str, weights: Sequence[int]) -> None:
    worker, among = Worker(), backends(*[*weights] * 10)
    expected = built_at_once(name, options, among)
    algorithm = started(name, options, worker)
    algorithm.update(among)
    assert all(owners(algorithm))
    assert worker.finish() > 1
    assert owners(algorithm) == expected


@pytest.mark.parametrize(("name", "options", "weights"), TABLES)
def test_a_table_that_is_there_is_used_by_others(name: str, options: str, weights: Sequence[int]) -> None:
    worker, among = Worker(), backends(*[*weights] * 10)
    algorithm, other = started(name, options), started(name, options, worker)
    algorithm.update(among)
    other.update(among)
    assert not worker.builds
    assert owners(other) == owners(algorithm)
    assert algorithm.shares_tables


@pytest.mark.parametrize(("name", "options", "weights"), TABLES)
def test_meanwhile_keys_keep_their_backend_if_it_is_still_there(
    name: str, options: str, weights: Sequence[int]
) -> None:
    worker, among = Worker(), backends(*[*weights] * 10)
    algorithm = started(name, options, worker)
    algorithm.update(among)
    worker.finish()
    before = owners(algorithm)
    algorithm.update(among[1:])
    meanwhile = owners(algorithm)
    assert all(new is old for new, old in zip(meanwhile, before, strict=True) if old is not among[0])
    assert among[0] not in meanwhile
    assert algorithm.pick(ASKS[0], {each.address for each in among[2:]}) is among[1]
    worker.finish()
    assert among[0] not in owners(algorithm)


@pytest.mark.parametrize(("name", "options", "weights"), TABLES)
def test_a_table_that_another_one_overtakes_is_given_up(name: str, options: str, weights: Sequence[int]) -> None:
    worker, among = Worker(), backends(*[*weights] * 10)
    # The ids of HAProxy's servers are given in the order in which they come.
    expected = built_at_once(name, options, among, among[:18])
    algorithm = started(name, options, worker)
    algorithm.update(among)
    algorithm.update(among[:18])
    first, second = worker.builds
    assert list(first) == []
    assert len(list(second)) > 0
    assert owners(algorithm) == expected
