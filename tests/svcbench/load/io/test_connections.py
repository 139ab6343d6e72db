"""One connection of the generator, driven event by event against a socket of the test."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.helpers.svcbench_servers import ANSWER, serving

from svcbench.arrivals import Trace
from svcbench.hdrcodec import decode
from svcbench.load.exchanges import Answer, HTTPExchange, get_request
from svcbench.load.io.connections import Connection, Hooks, Target
from svcbench.load.io.generator import Generator
from svcbench.load.io.outlet import Outlet
from svcbench.load.log import Frames, Log
from svcbench.load.plan import Plan

READ, ENDED = select.EPOLLIN, select.EPOLLIN | select.EPOLLRDHUP


class Seen:
    """What a connection has told its generator."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.closed: list[int] = []

    def hooks(self) -> Hooks:
        return Hooks(lambda _: None, self._ended, self.closed.append)

    def _ended(self, _connection: Connection, answer: Answer) -> None:
        self.answers.append(answer.outcome)


@contextmanager
def talking() -> Iterator[tuple[Connection, socket.socket, Seen]]:
    """Yield a connection that has sent its first request, the server's end of it, and what it tells."""
    seen = Seen()
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Connection(HTTPExchange(get_request("/", "web"), keeps=True), seen.hooks())
        target = Target("127.0.0.1", server.getsockname()[1], is_datagram=False)
        connection.open(target)
        end, _ = server.accept()
        with end:
            connection.take(select.EPOLLOUT)
            connection.start(1.0, 1.5, target)
            assert end.recv(4096).startswith(b"GET / ")
            yield connection, end, seen
        connection.close()


def test_an_answer_ends_the_request_and_the_connection_stays() -> None:
    with talking() as (connection, end, seen):
        end.sendall(ANSWER)
        assert connection.sock is not None
        select.select([connection.sock], [], [])
        connection.take(READ)
        assert (seen.answers, connection.is_busy) == (["answered"], False)


def test_an_end_that_comes_with_the_answer_is_seen_before_the_next_request() -> None:
    """Events are edge-triggered: nothing would tell of that end again."""
    with talking() as (connection, end, seen):
        end.sendall(ANSWER)
        end.shutdown(socket.SHUT_WR)
        poller = select.poll()
        poller.register(connection.sock or -1, select.POLLRDHUP)
        assert poller.poll()
        connection.take(ENDED)
        assert (seen.answers, connection.sock, len(seen.closed)) == (["answered"], None, 1)


def test_a_reset_in_the_middle_is_an_error_of_that_request() -> None:
    with talking() as (connection, end, seen):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        end.close()
        assert connection.sock is not None
        select.select([connection.sock], [], [])
        connection.take(READ | select.EPOLLERR | select.EPOLLHUP)
        assert seen.answers == ["connection closed before the answer"]


def test_a_request_that_is_given_up_ends_its_connection() -> None:
    with talking() as (connection, _end, seen):
        connection.give_up("timed out")
        assert (seen.answers, connection.sock) == (["timed out"], None)


def carried_out(plan: Plan, kind: type[Generator] = Generator) -> tuple[Generator, Log]:
    """Carry out a plan in this process, and return what came of it."""
    reading, writing = os.pipe()
    stopping, stop = os.pipe()
    generator = kind(plan, Outlet(writing), stopping, lambda: None)
    generator.run()
    generator.close()
    os.close(writing)
    log = Log()
    with os.fdopen(reading, "rb") as frames:
        for each in Frames().feed(frames.read()):
            log.take(*each)
    for descriptor in (stopping, stop):
        os.close(descriptor)
    return generator, log


def test_a_step_of_the_clock_changes_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing asks for the time of day: a run that does would fail here."""

    def stepped() -> float:
        raise AssertionError

    monkeypatch.setattr(time, "time", stepped)
    with serving() as port:
        _, log = carried_out(Plan("127.0.0.1", port, "http", "/", "web", Trace((0.0, 0.01), 5.0), 1, 0.0, 5.0, 1))
    assert list(log.rows.due) == [0.0, 0.01]
    times = zip(log.rows.due, log.rows.began, log.rows.ended, strict=True)
    assert all(due <= began <= ended for due, began, ended in times)


class Counting(Generator):
    """Counts how often it looks for events."""

    turns = 0

    def _turn(self, until: float) -> None:
        self.turns += 1
        super()._turn(until)


def test_a_generator_that_waits_for_a_connection_waits_idly() -> None:
    """With real-time priority a busy wait would keep the Service from answering."""

    def stalled(_data: bytes, number: int) -> bytes:
        time.sleep(0.3 if number == 0 else 0)
        return ANSWER

    due = tuple(number / 1000 for number in range(10))
    with serving(stalled) as port:
        plan = Plan("127.0.0.1", port, "http", "/", "web", Trace(due, 5.0), 1, 0.0, 5.0, 1, most=1)
        generator, log = carried_out(plan, Counting)
    assert isinstance(generator, Counting)
    assert len(log.rows) == 10
    assert generator.turns < 100
    assert log.ended is not None
    assert decode(log.ended.lag).percentile(50) < 150_000, "it is the Service that was late"


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.EMFILE, "no more open files allowed"),
        (errno.EADDRNOTAVAIL, "no free port left"),
        (errno.EHOSTUNREACH, "connection never opened"),
    ],
)
def test_what_the_own_machine_lacks_is_told_apart(number: int, outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, "refused")

    seen = Seen()
    connection = Connection(HTTPExchange(get_request("/", "web"), keeps=True), seen.hooks())
    monkeypatch.setattr(socket, "socket", refused)
    connection.start(0.0, 0.0, Target("127.0.0.1", 80, is_datagram=False))
    assert (seen.answers, connection.is_busy) == ([outcome], False)
