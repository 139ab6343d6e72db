from __future__ import annotations

import pytest

from kubeproxy.telemetry.recent import ConnectionRecord, Follower, RecentConnections
from kubeproxy.types import Choice, Destination, Endpoint, Route, ServicePortName

WEB = Destination("127.96.0.20", 80, "TCP")
ROUTE = Route(ServicePortName("default", "web", "http", "TCP"), "node-1", is_local=False)
CHOICES = [Choice(Endpoint(f"127.244.0.{number}", 8080), is_pinned=False) for number in (1, 2)]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Reader:
    """A follower with the number of times that it was woken."""

    def __init__(self, ring: RecentConnections, limit: int = 10) -> None:
        self.wakes = 0
        self.follower = Follower(self._wake, limit)
        self.stop = ring.follow(self.follower)

    def _wake(self) -> None:
        self.wakes += 1

    def take(self) -> tuple[list[str], int]:
        records, missed = self.follower.take()
        return [each.client for each in records], missed


def begin(ring: RecentConnections, client: str = "127.0.0.1") -> ConnectionRecord:
    return ring.began("tcp", client, 40000, WEB, ROUTE)


def test_the_newest_records_are_kept_the_oldest_first(clock: Clock) -> None:
    ring = RecentConnections(clock, capacity=3)
    for number in range(5):
        begin(ring, f"127.0.0.{number}")

    assert [each.client for each in ring.records()] == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


def test_a_record_is_filled_in_while_the_connection_lasts(clock: Clock) -> None:
    ring = RecentConnections(clock)
    record = begin(ring)
    record.choice = CHOICES[0]
    record.failed("connect_refused")
    record.choice = CHOICES[1]
    record.bytes_to_client += 7
    clock.now += 1.5
    ring.ended(record)

    (kept,) = ring.records()
    assert kept.failures == (("127.244.0.1:8080", "connect_refused"),)
    assert kept.choice == CHOICES[1]
    assert (kept.began_at, kept.ended_at, kept.outcome, kept.bytes_to_client) == (100.0, 101.5, "closed", 7)


def test_the_first_end_of_a_connection_counts(clock: Clock) -> None:
    ring = RecentConnections(clock)
    record = begin(ring)
    ring.ended(record, "reset")
    clock.now += 1
    ring.ended(record)

    assert (record.ended_at, record.outcome) == (100.0, "reset")


def test_a_record_that_has_left_the_ring_can_still_end(clock: Clock) -> None:
    ring = RecentConnections(clock, capacity=1)
    old, new = begin(ring), begin(ring)
    ring.ended(old)

    assert ring.records() == [new]


def test_a_follower_hears_of_each_beginning_and_end_and_is_woken_once_for_many(clock: Clock) -> None:
    ring = RecentConnections(clock)
    reader = Reader(ring)
    first = begin(ring, "127.0.0.1")
    begin(ring, "127.0.0.2")
    assert (reader.take(), reader.wakes) == ((["127.0.0.1", "127.0.0.2"], 0), 1)

    ring.ended(first)
    assert (reader.take(), reader.wakes) == ((["127.0.0.1"], 0), 2)


def test_a_connection_that_is_over_before_anybody_looks_is_told_once(clock: Clock) -> None:
    ring = RecentConnections(clock)
    reader = Reader(ring)
    ring.ended(begin(ring))

    assert reader.take() == (["127.0.0.1"], 0)


def test_a_slow_follower_loses_what_does_not_fit_and_learns_how_much(clock: Clock) -> None:
    ring = RecentConnections(clock)
    reader = Reader(ring, limit=2)
    for number in range(5):
        begin(ring, f"127.0.0.{number}")

    assert reader.take() == (["127.0.0.0", "127.0.0.1"], 3)
    begin(ring, "127.0.0.9")
    assert reader.take() == (["127.0.0.9"], 0)


def test_who_follows_no_longer_hears_nothing(clock: Clock) -> None:
    ring = RecentConnections(clock)
    leaves, stays = Reader(ring), Reader(ring)
    leaves.stop()
    begin(ring)

    assert leaves.take() == ([], 0)
    assert stays.take() == (["127.0.0.1"], 0)
