"""IPVS' rotations and hashes: what the recorded cases do not show. Long lists, changes of the list, addresses."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import gcd
from zlib import crc32

import pytest
from tests.helpers.kubeproxy.balancing import ASK, backends, balancer, picked

from kubeproxy.balancers import BALANCERS, Backend
from kubeproxy.balancers.catalogue import PLACES
from kubeproxy.balancers.ipvs.hashing import bucket, number, siphash, siphashes


def test_every_scheduler_has_its_ipvs_name_as_well() -> None:
    schedulers = [name for name, place in PLACES.items() if place.module.startswith("ipvs.")]
    assert [BALANCERS[f"ipvs_{each}"].name for each in schedulers] == schedulers


def test_wrr_is_the_walk_of_the_kernel_over_the_list() -> None:
    rng = random.Random(5)
    algorithm, among = balancer("wrr"), backends(*[rng.choice([0, 2, 4, 6, 30]) for _ in range(25)])
    walk = Walk()
    for count in (3, 10, 25, 24, 5):
        walk.update(among[:count])
        algorithm.update(among[:count])
        for _ in range(120):
            assert algorithm.pick(ASK) is walk.pick()


class Walk:
    """``ip_vs_wrr.c`` as it is written: server by server."""

    def __init__(self) -> None:
        self.order: list[Backend] = []
        self.least = self.step = self.top = 0
        self.at = -1

    def update(self, backends: Sequence[Backend]) -> None:
        for each in backends:
            if each not in self.order:
                self.order.insert(0, each)
                self.changed()
        if left := set(self.order) - set(backends):
            self.order = [each for each in self.order if each not in left]
            self.changed()

    def changed(self) -> None:
        weights = [each.weight for each in self.order]
        self.at, self.step = -1, gcd(*weights) or 1
        self.top = max(weights) - (self.step - 1)
        if self.least > self.top or not self.least:
            self.least = self.top
        elif self.step > 1:
            self.least = self.least // self.step * self.step + 1

    def pick(self) -> Backend:
        while True:
            self.at += 1
            if self.at == len(self.order):
                self.at, self.least = -1, self.least - self.step
                self.least = self.least if self.least > 0 else self.top
            elif self.order[self.at].weight >= self.least:
                return self.order[self.at]


def test_a_server_that_comes_later_is_first_and_the_cursor_stays() -> None:
    algorithm, among = balancer("rr"), backends(1, 1, 1, 1)
    algorithm.update(among[1:])
    assert picked(algorithm, 2, among) == [4, 3]
    algorithm.update(among)
    assert picked(algorithm, 5, among) == [2, 1, 4, 3, 2]
    algorithm.update(among[2:])
    assert picked(algorithm, 3, among) == [4, 3, 4]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.0.7", 0x0A010007),
        ("255.255.255.255", 0xFFFFFFFF),
        ("::1", 1),
        ("2001:db8:0:1:2:3:4:5", 0x20010DB8 ^ 0x00000001 ^ 0x00020003 ^ 0x00040005),
        ("fe80::1%eth0", 0xFE800000 ^ 1),
        ("client-3", crc32(b"client-3")),
    ],
)
def test_an_address_is_folded_into_32_bits(address: str, expected: int) -> None:
    assert number(address) == expected


def test_hashing_many_values_at_once_is_hashing_each() -> None:
    values = [0, 1, 0xFFFFFFFF, 0x1_0000_0001, *range(0x0A000101, 0x0A000201)]
    assert siphashes(values, 2654435761) == [siphash(each, 2654435761) for each in values]
    assert siphashes([], 1) == []


def test_sh_has_room_for_256_servers_and_avoids_all_the_same() -> None:
    algorithm, among = balancer("sh"), backends(*[1] * 250)
    algorithm.update(among[:2])
    assert algorithm.pick(ASK) is among[1 - bucket(number(ASK.client)) % 2]
    algorithm.update(among)
    kept = among[7]
    assert algorithm.pick(ASK, {each.address for each in among if each is not kept}) is kept
