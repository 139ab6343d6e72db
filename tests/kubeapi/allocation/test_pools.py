"""Bands, collisions, exhaustion and transactions of the address and port pools."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeapi.allocation.pools import AddressPool, Full, Pool, Transaction, port_pool


@pytest.mark.parametrize(
    ("cidr", "first", "last_static", "last"),
    [
        ("127.96.0.0/12", "127.96.0.1", "127.96.1.0", "127.111.255.254"),
        ("127.96.0.0/24", "127.96.0.1", "127.96.0.16", "127.96.0.254"),
        ("127.96.0.0/28", "127.96.0.1", "127.96.0.0", "127.96.0.14"),
        ("fd00:96::/112", "fd00:96::1", "fd00:96::100", "fd00:96::ffff"),
    ],
)
def test_the_bands_of_a_service_cidr(cidr: str, first: str, last_static: str, last: str) -> None:
    addresses = AddressPool(cidr, random.Random(1))
    pool = addresses.pool
    assert addresses.text_of(pool.first) == first
    assert addresses.text_of(pool.first + pool.static - 1) == last_static
    assert addresses.text_of(pool.first + pool.size - 1) == last


@pytest.mark.parametrize(
    ("first", "last", "static"), [(30000, 32767, 86), (30000, 30015, 0), (30000, 30099, 16), (20000, 40000, 128)]
)
def test_the_static_band_of_a_port_range(first: int, last: int, static: int) -> None:
    assert port_pool(first, last, random.Random(1)).static == static


def test_picks_come_from_the_dynamic_band_until_it_is_full() -> None:
    pool = Pool(100, 50, 10, random.Random(1))
    dynamic = [pool.take_next() for _ in range(40)]
    assert sorted(dynamic) == list(range(110, 150))
    assert dynamic != sorted(dynamic)
    assert sorted(pool.take_next() for _ in range(10)) == list(range(100, 110))
    with pytest.raises(Full):
        pool.take_next()


def test_a_number_is_taken_once() -> None:
    pool = Pool(100, 50, 10, random.Random(1))
    assert pool.take(105)
    assert not pool.take(105)
    pool.give_back(105)
    pool.give_back(105)
    assert pool.take(105)
    assert len(pool) == 1


@pytest.mark.parametrize(
    ("address", "is_inside"), [("127.96.0.0", False), ("127.96.0.255", False), ("127.96.0.1", True)]
)
def test_network_and_broadcast_address_are_not_of_the_pool(address: str, is_inside: bool) -> None:
    addresses = AddressPool("127.96.0.0/24", random.Random(1))
    assert (addresses.number_of(address) in addresses.pool) is is_inside


def test_a_transaction_frees_only_when_it_is_committed() -> None:
    pool = Pool(100, 50, 0, random.Random(1))
    pool.take(100)
    failed, done = Transaction(), Transaction()
    failed.give_back(pool, 100)
    assert failed.take(pool, 101)
    failed.rollback()
    assert pool.is_taken(100)
    assert not pool.is_taken(101)
    done.give_back(pool, 100)
    assert done.take(pool, 101)
    done.commit()
    assert not pool.is_taken(100)
    assert pool.is_taken(101)


@given(st.lists(st.one_of(st.none(), st.integers(0, 19)), max_size=60), st.randoms(use_true_random=False))
def test_a_pool_never_gives_a_number_twice(steps: list[int | None], rng: random.Random) -> None:
    pool, taken = Pool(0, 20, 4, rng), set[int]()
    for step in steps:
        if step is None:
            try:
                number = pool.take_next()
            except Full:
                assert len(taken) == 20
                continue
            assert number not in taken
            assert number >= 4 or len(taken & set(range(4, 20))) == 16
            taken.add(number)
        elif step in taken:
            pool.give_back(step)
            taken.remove(step)
        else:
            assert pool.take(step)
            taken.add(step)
    assert len(pool) == len(taken)
