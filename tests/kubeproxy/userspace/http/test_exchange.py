"""How far an exchange has come, and whether its request may be sent again then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubeproxy.http.answerhead import AnswerReader
from kubeproxy.http.requesthead import read_request
from kubeproxy.telemetry.recent import RequestRecord
from kubeproxy.types import Destination, Route, ServicePortName
from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.exchange import TRANSITIONS, Event, Exchange, Progress
from kubeproxy.userspace.http.retries import MOST_REPEATS, RetryBudget

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


def exchange(head: bytes = GET) -> Exchange:
    web = ServicePortName("default", "web", "http", "TCP")
    record = RequestRecord(0.0, "http", "10.0.0.9", Destination("10.96.0.1", 80, "TCP"), Route(web, "", False))
    return Exchange(read_request(head, 100), record, HttpConfig(), is_last=False)


def hear(it: Exchange, *pieces: bytes) -> Exchange:
    """The endpoint sends these pieces."""
    reader = AnswerReader()
    for each in pieces:
        it.take_answer(memoryview(each), reader)
    return it


def sent(head: bytes = GET) -> Exchange:
    it = exchange(head)
    it.note(Event.SENT)
    return it


def streamed() -> Exchange:
    it = exchange(POST.replace(b"POST", b"PUT"))
    it.note(Event.SENT)
    it.take_request(memoryview(b"he"))
    return it


@pytest.mark.parametrize(
    ("begun", "progress", "may_repeat"),
    [
        pytest.param(exchange, Progress.UNSENT, True, id="nothing-has-left"),
        pytest.param(lambda: exchange(POST), Progress.UNSENT, True, id="nothing-of-a-post-has-left"),
        pytest.param(sent, Progress.SENT, True, id="a-get-was-sent"),
        pytest.param(lambda: sent(POST), Progress.SENT, False, id="a-post-was-sent"),
        pytest.param(streamed, Progress.STREAMED, False, id="some-of-its-body-is-gone"),
        pytest.param(lambda: hear(sent(), b"HTTP/1.1 2"), Progress.HEARD, False, id="the-endpoint-has-begun"),
        pytest.param(lambda: hear(sent(), OK + b"o"), Progress.ANSWERING, False, id="the-client-has-some"),
        pytest.param(lambda: hear(sent(), OK, b"ok"), Progress.ANSWERED, False, id="answered-in-pieces"),
        pytest.param(lambda: hear(sent(), OK + b"ok"), Progress.ANSWERED, False, id="answered-at-once"),
        pytest.param(lambda: hear(streamed(), OK + b"ok"), Progress.ANSWERED, False, id="answered-early"),
    ],
)
def test_a_request_may_be_sent_again_until_something_cannot_be_undone(
    begun: Callable[[], Exchange], progress: Progress, may_repeat: bool
) -> None:
    it = begun()
    assert it.progress is progress
    assert it.may_repeat(RetryBudget(0.0), 0.0) is may_repeat


def test_one_request_is_repeated_a_few_times_and_takes_each_from_the_budget() -> None:
    it, budget = sent(), RetryBudget(0.0)
    assert [it.may_repeat(budget, 0.0) for _ in range(MOST_REPEATS + 1)] == [True] * MOST_REPEATS + [False]
    assert sum(budget.withdraw(0.0) for _ in range(1000)) == 100 - MOST_REPEATS


def test_an_exchange_only_moves_on_and_what_is_over_stays_so() -> None:
    assert all(after > before for (before, _), after in TRANSITIONS.items())
    over = (Progress.ANSWERED, Progress.SWITCHED)
    assert not [before for before, _ in TRANSITIONS if before in over]


def test_a_body_that_goes_on_while_its_answer_comes_changes_nothing() -> None:
    it = hear(streamed(), OK + b"o")
    it.take_request(memoryview(b"llo"))
    assert it.progress is Progress.ANSWERING
