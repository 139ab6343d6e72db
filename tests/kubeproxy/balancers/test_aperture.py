"""Aperture: which endpoints a proxy uses, how many, and that peers together use all equally."""

from __future__ import annotations

from collections import Counter
from statistics import pstdev

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, closed, inputs, opened, picked

from kubeapi.balancing import OptionsError
from kubeproxy.balancers import Backend, Balancer


class Ground:
    def __init__(self, options: str, count: int = 20, seed: int = 1) -> None:
        self.now = 0.0
        self.algorithm: Balancer = balancer("aperture", options, inputs(seed, clock=lambda: self.now))
        self.among: list[Backend] = backends(*[1] * count)
        self.algorithm.update(self.among)

    def used(self, picks: int = 1000) -> set[int]:
        """Return those that it would use if all had the same load."""
        for each in self.among:
            each.counters.active = 0
        return set(picked(self.algorithm, picks, self.among))


def test_a_quiet_proxy_uses_one_and_a_fixed_subset_has_its_size() -> None:
    assert len(Ground("{}", 20).used()) == 1
    assert len(Ground('{"min_size": 4}', 20).used()) == 4
    assert len(Ground('{"subset_size": 7}', 20).used()) == 7
    assert len(Ground('{"subset_size": 30}', 20).used()) == 20


def test_proxies_that_know_of_no_other_use_different_subsets() -> None:
    assert len({frozenset(Ground('{"subset_size": 3}', 20, seed).used()) for seed in range(5)}) == 5


def test_a_subset_drawn_at_random_keeps_its_members_when_others_leave() -> None:
    ground = Ground('{"subset_size": 5}', 20)
    before = ground.used()
    gone = min(before)
    ground.algorithm.update([each for number, each in enumerate(ground.among, 1) if number != gone])
    assert len(ground.used() & before) == 4


def test_the_size_follows_the_load_into_the_band() -> None:
    ground, held = Ground("{}", 50), list[Backend]()
    for _ in range(2):
        for _ in range(20):
            found = ground.algorithm.pick(ASK)
            assert found is not None
            opened(ground.algorithm, found)
            held.append(found)
        for _ in range(200):
            ground.now += 1
            opened(ground.algorithm, held[0])
            ground.now += 1
            closed(ground.algorithm, held[0])
        assert len(held) / 1.125 <= len(ground.used()) <= len(held) / 0.875
    while held:
        closed(ground.algorithm, held.pop())
    for _ in range(100):
        ground.now += 1
        opened(ground.algorithm, ground.among[0])
        ground.now += 1
        closed(ground.algorithm, ground.among[0])
    assert len(ground.used()) == 1


@pytest.mark.parametrize(("peers", "count", "size"), [(10, 10, 3), (4, 10, 3), (7, 3, 2), (3, 100, 12)])
def test_peers_cover_every_backend_equally(peers: int, count: int, size: int) -> None:
    seen: Counter[int] = Counter()
    for peer in range(peers):
        ground = Ground(f'{{"peers": {peers}, "peer": {peer}, "subset_size": {size}}}', count, peer)
        seen += Counter(picked(ground.algorithm, 3000, ground.among))
    mean = 3000 * peers / count
    assert set(seen) == set(range(1, count + 1))
    assert all(abs(each - mean) < 6 * mean**0.5 for each in seen.values())


def test_peers_with_numbers_are_evener_than_random_subsets_by_far() -> None:
    def deviation(options: str) -> float:
        seen: Counter[int] = Counter()
        for peer in range(40):
            ground = Ground(options.replace("PEER", str(peer)), 40, peer)
            seen += Counter(picked(ground.algorithm, 500, ground.among))
        return pstdev(seen[number] for number in range(1, 41))

    numbered = deviation('{"peers": 40, "peer": PEER, "subset_size": 5}')
    assert numbered <= 0.3 * deviation('{"subset_size": 5}')


@pytest.mark.parametrize("options", ['{"peers": 3, "peer": 3}', '{"peer": 1}', '{"low": 2, "high": 1}'])
def test_a_number_that_no_peer_has_and_a_band_upside_down_are_refused(options: str) -> None:
    with pytest.raises(OptionsError, match=r'must be (above "peer"|at least "low"), which is '):
        Ground(options)


def test_of_two_the_one_with_fewer_connections_is_taken() -> None:
    ground = Ground('{"subset_size": 2}', 2)
    for each, count in zip(ground.among, (3, 1), strict=True):
        each.counters.active = count
    seen = Counter(picked(ground.algorithm, 200, ground.among))
    assert seen[2] > 180


def test_where_the_subset_has_failed_another_one_is_taken() -> None:
    ground = Ground('{"subset_size": 2}', 5)
    failed = {ground.among[number - 1].address for number in ground.used()}
    assert all((found := ground.algorithm.pick(ASK, failed)) and found.address not in failed for _ in range(20))


def test_connections_of_one_that_gets_nothing_new_do_not_count() -> None:
    ground = Ground("{}", 10)
    for _ in range(8):
        opened(ground.algorithm, ground.among[0])
    ground.algorithm.update(ground.among[1:])
    while ground.among[0].counters.active:
        closed(ground.algorithm, ground.among[0])
    for _ in range(3):
        opened(ground.algorithm, ground.among[1])
    for _ in range(100):
        ground.now += 1
        opened(ground.algorithm, ground.among[2])
        ground.now += 1
        closed(ground.algorithm, ground.among[2])
    assert len(ground.used()) == 3
