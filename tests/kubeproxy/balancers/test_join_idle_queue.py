"""Join-Idle-Queue: who is idle the longest, and what happens when nobody is."""

from __future__ import annotations

from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, closed, inputs, opened, picked

from kubeproxy.balancers import Backend, Balancer


def ground(*active: int) -> tuple[Balancer, list[Backend]]:
    algorithm, among = balancer("jiq", given=inputs(3)), backends(*[1] * len(active), active=active)
    algorithm.update(among)
    return algorithm, among


def test_each_idle_one_gets_one_before_chance_decides() -> None:
    algorithm, among = ground(0, 0, 0, 0)
    for _ in among:
        found = algorithm.pick(ASK)
        assert found is not None
        opened(algorithm, found)
    assert [each.counters.active for each in among] == [1, 1, 1, 1]
    assert algorithm.upcoming(ASK) is None
    assert set(picked(algorithm, 100, among)) == {1, 2, 3, 4}


def test_they_join_in_the_order_in_which_they_become_idle() -> None:
    algorithm, among = ground(1, 2, 1)
    for number in (2, 0, 1, 1):
        closed(algorithm, among[number])
    assert picked(algorithm, 3, among) == [3, 1, 2]


def test_one_that_is_picked_and_not_connected_waits_behind_the_others() -> None:
    algorithm, among = ground(0, 1, 1)
    closed(algorithm, among[1])
    assert picked(algorithm, 3, among) == [1, 2, 1]


def test_an_idle_one_is_taken_where_another_has_failed() -> None:
    algorithm, among = ground(0, 1, 1)
    closed(algorithm, among[1])
    assert algorithm.pick(ASK, {among[0].address}) is among[1]
    assert algorithm.pick(ASK, {among[0].address, among[1].address}) is among[2]


def test_one_that_another_worker_has_found_leaves_the_queue_when_it_is_looked_at() -> None:
    elsewhere = {"127.245.0.1:80": 1}
    given = inputs(3, load=lambda each: each.counters.active + elsewhere.get(each.address, 0))
    algorithm, among = balancer("jiq", given=given), backends(1, 1)
    elsewhere.clear()
    algorithm.update(among)
    elsewhere["127.245.0.1:80"] = 1
    assert algorithm.upcoming(ASK) is among[1]
    assert picked(algorithm, 5, among) == [2] * 5


def test_those_that_leave_the_service_leave_the_queue_and_the_others_keep_their_places() -> None:
    algorithm, among = ground(1, 1, 1)
    for number in (2, 1, 0):
        closed(algorithm, among[number])
    algorithm.update([among[0], among[2]])
    assert picked(algorithm, 2, among) == [3, 1]


def test_one_that_gets_nothing_new_does_not_join_when_it_becomes_idle() -> None:
    algorithm, among = ground(0, 1, 1)
    algorithm.update(among[:2])
    closed(algorithm, among[2])
    closed(algorithm, among[1])
    assert set(picked(algorithm, 10, among)) == {1, 2}
    algorithm.update(among)
    assert set(picked(algorithm, 10, among)) == {1, 2, 3}
