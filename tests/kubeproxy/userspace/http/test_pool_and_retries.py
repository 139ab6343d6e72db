"""The pool of idle connections, and what may be retried: tables without sockets."""

from __future__ import annotations

import pytest

from kubeproxy.userspace.http.pool import Pool
from kubeproxy.userspace.http.retries import RetryBudget, is_repeatable


class Connection:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.idle_since = 0.0
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_the_latest_connection_is_used_first_and_only_for_its_endpoint() -> None:
    pool: Pool[Connection] = Pool(2)
    old, new = Connection("a"), Connection("a")
    pool.put(old, 1.0)
    pool.put(new, 2.0)
    assert pool.take("b") is None
    assert pool.take("a") is new
    assert pool.take("a") is old
    assert pool.take("a") is None


def test_what_is_too_many_or_too_old_is_closed() -> None:
    pool: Pool[Connection] = Pool(2)
    connections = [Connection("a") for _ in range(3)]
    for now, each in enumerate(connections):
        pool.put(each, float(now))
    assert [each.is_closed for each in connections] == [False, False, True]
    pool.expire(0.0)
    assert [each.is_closed for each in connections] == [True, False, True]
    assert len(pool) == 1


def test_only_usable_endpoints_have_connections() -> None:
    pool: Pool[Connection] = Pool(2)
    kept, removed, late = Connection("a"), Connection("b"), Connection("b")
    pool.put(kept, 0.0)
    pool.put(removed, 0.0)
    pool.update({"a"})
    pool.put(late, 0.0)
    assert [each.is_closed for each in (kept, removed, late)] == [False, True, True]


def test_a_connection_that_has_ended_by_itself_is_forgotten() -> None:
    pool: Pool[Connection] = Pool(2)
    connection = Connection("a")
    pool.put(connection, 0.0)
    pool.forget(connection)
    assert pool.take("a") is None
    assert not connection.is_closed


@pytest.mark.parametrize(
    ("method", "was_sent", "has_body_gone", "expected"),
    [
        pytest.param(b"GET", True, False, True, id="get"),
        pytest.param(b"PUT", True, False, True, id="put-whose-bytes-are-kept"),
        pytest.param(b"PUT", True, True, False, id="put-whose-bytes-are-gone"),
        pytest.param(b"POST", True, False, False, id="post"),
        pytest.param(b"PATCH", True, False, False, id="patch"),
        pytest.param(b"POST", False, False, True, id="post-of-which-nothing-has-left"),
        pytest.param(b"POST", False, True, False, id="post-of-which-nothing-has-left-but-whose-bytes-are-gone"),
    ],
)
def test_what_may_be_said_again(method: bytes, was_sent: bool, has_body_gone: bool, expected: bool) -> None:
    assert is_repeatable(method, was_sent=was_sent, has_body_gone=has_body_gone) is expected


def test_the_budget_is_ten_a_second_and_a_fifth_of_the_requests() -> None:
    budget = RetryBudget(0.0)
    assert sum(budget.withdraw(0.0) for _ in range(1000)) == 100
    for _ in range(50):
        budget.deposit()
    assert sum(budget.withdraw(0.0) for _ in range(1000)) == 10
    assert sum(budget.withdraw(1.0) for _ in range(1000)) == 10
    assert sum(budget.withdraw(1000.0) for _ in range(1000)) == 100
