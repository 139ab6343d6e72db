"""Session affinity: how long a pin holds, and what ends it."""

from __future__ import annotations

import tracemalloc

import pytest

from kubeproxy.loadbalancing.affinity import MAX_PINS, AffinityTable
from kubeproxy.types import Route, ServicePortName

WEB = ServicePortName("default", "web", "", "TCP")
API = ServicePortName("default", "api", "", "TCP")
WEB_1, WEB_2 = Route(WEB, "n1", False), Route(WEB, "n2", False)
A, B = "127.245.0.1:80", "127.245.0.2:80"


def pinned(**limits: int) -> AffinityTable:
    """A table where the client ``c`` was pinned to A for 10 s at second 100."""
    table = AffinityTable(**limits)
    table.update(WEB, [A, B], 10)
    table.pin(WEB_1, "c", A, 100.0)
    return table


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(100.0, A, id="at-once"),
        pytest.param(109.9, A, id="within-the-time-out"),
        pytest.param(110.0, None, id="at-the-time-out"),
        pytest.param(500.0, None, id="long-after"),
    ],
)
def test_a_pin_holds_until_its_time_out(now: float, expected: str | None) -> None:
    assert pinned().lookup(WEB_1, "c", now) == expected


def test_a_pin_that_is_renewed_holds_on() -> None:
    table = pinned()
    table.pin(WEB_1, "c", A, 109.0)
    assert table.lookup(WEB_1, "c", 118.0) == A


def test_a_changed_time_out_counts_at_once() -> None:
    table = pinned()
    table.update(WEB, [A, B], 5)
    assert table.lookup(WEB_1, "c", 105.0) is None


def test_a_raised_time_out_counts_for_the_pins_that_there_are() -> None:
    table = pinned()
    table.update(WEB, [A, B], 1000)
    table.pin(WEB_1, "d", B, 200.0)
    assert table.lookup(WEB_1, "c", 200.0) == A
    assert table.seconds_left(WEB_1, "c", 200.0) == 900.0


def test_pins_of_a_service_that_has_gone_make_room() -> None:
    table = pinned()
    table.update(WEB, [], 0)
    table.update(API, [A], 10)
    table.pin(Route(API, "n1", False), "d", A, 101.0)
    assert len(table) == 1


def test_a_pin_is_of_one_client_and_one_service_port() -> None:
    table = pinned()
    assert table.lookup(WEB_1, "d", 100.0) is None
    assert table.lookup(Route(API, "n1", False), "c", 100.0) is None


def test_every_nodes_proxy_pins_on_its_own() -> None:
    assert pinned().lookup(WEB_2, "c", 100.0) is None


def test_a_pin_is_forgotten_when_its_endpoint_leaves_even_if_it_comes_back() -> None:
    table = pinned()
    table.update(WEB, [B], 10)
    table.update(WEB, [A, B], 10)
    assert table.lookup(WEB_1, "c", 101.0) is None


def test_a_pin_outlives_other_endpoints() -> None:
    table = pinned()
    table.update(WEB, [A], 10)
    table.update(WEB, [A, "127.245.0.3:80"], 10)
    assert table.lookup(WEB_1, "c", 101.0) == A


def test_nobody_is_pinned_to_an_endpoint_that_is_not_there() -> None:
    table = pinned()
    table.pin(WEB_1, "d", "127.245.0.9:80", 100.0)
    assert table.lookup(WEB_1, "d", 100.0) is None


def test_the_client_unseen_for_longest_is_forgotten_when_the_table_is_full() -> None:
    table = pinned(max_pins=2)
    table.pin(WEB_1, "d", B, 101.0)
    table.pin(WEB_1, "c", A, 102.0)
    table.pin(WEB_1, "e", B, 103.0)
    assert len(table) == 2
    assert [table.lookup(WEB_1, client, 103.0) for client in "cde"] == [A, None, B]


def test_expired_pins_make_room_as_the_table_is_used() -> None:
    table = pinned()
    for number in range(100):
        table.pin(WEB_1, f"client-{number}", A, 100.0)
    for number in range(100):
        table.pin(WEB_1, f"later-{number}", A, 200.0)
    assert len(table) == 100


def test_a_million_clients_fit_in_a_bound_of_memory() -> None:
    table, sample = AffinityTable(), 20_000
    table.update(WEB, [A], 10800)
    tracemalloc.start()
    try:
        for number in range(sample):
            table.pin(WEB_1, f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}", A, 100.0)
        each = tracemalloc.get_traced_memory()[0] / sample
    finally:
        tracemalloc.stop()
    assert MAX_PINS == 1_000_000
    assert each < 450
