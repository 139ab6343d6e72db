"""What the log says of clients' faults, in tables; and that all three of a cluster's HTTP servers keep to it."""

from __future__ import annotations

import logging
import sys

import pytest
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_protocol import RequestPayloadError

from kubesvc.terminal.up.clientfaults import LINES, SECONDS, ClientFaults


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def record(error: Exception | None) -> logging.LogRecord:
    """Return what aiohttp logs of a request that ended with ``error``."""
    info = None
    try:
        if error is not None:
            raise error
    except Exception:
        info = sys.exc_info()
    return logging.LogRecord("aiohttp.server", logging.ERROR, __file__, 1, "Error from %s", ("127.0.0.1",), info)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(BadHttpMessage("bad"), "BadHttpMessage: 400, message: bad", id="head"),
        pytest.param(RequestPayloadError("cut"), "RequestPayloadError: cut", id="body"),
        pytest.param(BadHttpMessage("a\n\n  b\x1b[2J"), "BadHttpMessage: 400, message: a b\\x1b[2J", id="escaped"),
        pytest.param(RequestPayloadError("x" * 9999), f"RequestPayloadError: {'x' * 200}", id="bounded"),
    ],
)
def test_a_fault_of_a_client_is_one_line_without_a_traceback(error: Exception, said: str) -> None:
    one = record(error)
    assert ClientFaults(Clock()).filter(one)
    assert (
        logging.Formatter("%(levelname)s %(message)s").format(one) == f"WARNING a client's request is refused: {said}"
    )


@pytest.mark.parametrize("error", [pytest.param(KeyError("ours"), id="a fault of ours"), pytest.param(None, id="none")])
def test_all_else_stays_whole_however_often_it_comes(error: Exception | None) -> None:
    faults = ClientFaults(Clock())
    for _ in range(3 * LINES):
        one = record(error)
        assert faults.filter(one)
        text = logging.Formatter().format(one)
        assert ("Traceback" in text, text.startswith("Error from 127.0.0.1")) == (error is not None, True)


def test_many_are_counted_and_told_with_the_next_line_of_the_next_minute() -> None:
    clock = Clock()
    faults = ClientFaults(clock)
    assert [faults.filter(record(BadHttpMessage("bad"))) for _ in range(LINES + 1234)] == [True] * LINES + [
        False
    ] * 1234
    clock.now += SECONDS
    later = record(BadHttpMessage("bad"))
    assert faults.filter(later)
    assert later.getMessage().endswith("(and 1,234 more before it)")
