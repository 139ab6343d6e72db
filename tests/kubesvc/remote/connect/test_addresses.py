"""Each address of the remote cluster has one here, which resembles it, for as long as it is wanted."""

from __future__ import annotations

import pytest

from kubesvc.remote.connect.addresses import NoAddressError, Pool


@pytest.mark.parametrize(
    ("subnet", "remote", "local"),
    [
        ("127.96.0.0/12", "10.96.7.3", "127.96.7.3"),
        ("127.96.0.0/12", "172.20.7.3", "127.100.7.3"),
        ("127.4.0.0/16", "10.96.7.3", "127.4.7.3"),
        ("127.244.0.0/16", "fd00:10:96::107", "127.244.1.7"),
        ("127.96.0.0/12", "203.0.113.7", "127.96.113.7"),
    ],
)
def test_an_address_keeps_as_many_of_its_last_bits_as_the_subnet_has(subnet: str, remote: str, local: str) -> None:
    assert Pool(subnet).take("web", remote) == local


def test_the_next_free_address_is_given_where_the_first_choice_is_taken() -> None:
    pool = Pool("127.96.0.0/12", ("127.96.0.10", "127.96.0.1"))
    assert [pool.take(each, "10.96.0.10") for each in ("one", "two", "one")] == [
        "127.96.0.11",
        "127.96.0.12",
        "127.96.0.11",
    ]


def test_first_and_last_address_of_the_subnet_are_nobodys() -> None:
    pool = Pool("127.96.0.0/30")
    assert [pool.take("first", "10.0.0.0"), pool.take("last", "10.0.0.3")] == ["127.96.0.1", "127.96.0.2"]
    with pytest.raises(NoAddressError, match=r"no address of 127\.96\.0\.0/30 is free"):
        pool.take("more", "10.0.0.1")


def test_an_address_is_free_once_it_is_released_as_often_as_it_was_taken() -> None:
    pool = Pool("127.96.0.0/30")
    first = [pool.take("shared", "10.0.0.1"), pool.take("shared", "10.0.0.1")]
    pool.release("shared")
    assert pool.take("other", "10.0.0.1") == "127.96.0.2"
    pool.release("shared")
    assert [pool.take("third", "10.0.0.1"), *first] == ["127.96.0.1"] * 3
