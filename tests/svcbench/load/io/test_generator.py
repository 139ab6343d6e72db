"""The generator's process against servers that answer well, late, wrongly, or not at all.

Schedules are in a file's times, so that the numbers of requests are exact; none is judged by how fast it was.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Sequence

import pytest
from tests.helpers.svcbench_servers import ANSWER, serving

from svcbench.arrivals import Profile, Schedule, Trace, constant
from svcbench.load.io.running import GeneratorError, Load
from svcbench.load.log import Log
from svcbench.load.measure import Label, measure
from svcbench.load.plan import Plan
from svcbench.results import Run


def plan(port: int, schedule: Schedule | None, protocol: str = "http", **changes: object) -> Plan:
    fields = {"request": "/", "seconds": 30.0, "clients": 2, "timeout": 5.0, "keeps_connections": True, **changes}
    return Plan(
        "127.0.0.1",
        port,
        protocol,
        host="web",
        schedule=schedule,
        warmup=0.0,
        seed=1,
        **fields,  # type: ignore[arg-type]
    )


def at(*times: float) -> Trace:
    """Return a schedule after whose last request the run ends, however slow the machine is."""
    return Trace(times, 30.0)


def outcomes(log: Log) -> Counter[str]:
    return Counter(log.names[number] for number in log.rows.outcome)


def done(of: Plan) -> Log:
    """Carry out a plan, and return what came of it."""
    load = Load(of)
    try:
        for _ in load.follow(1.0):
            pass
    finally:
        load.close()
    return load.log


def run_of(of: Plan) -> Run:
    log = done(of)
    return measure(log, of, lambda row: log.names[log.rows.pod[row]], Label("svc/web", "rr", ""))


TIMES = tuple(number / 100 for number in range(20))


def test_every_request_of_a_schedule_is_sent_once_over_connections_that_are_kept() -> None:
    with serving() as port:
        run = run_of(plan(port, at(*TIMES)))
    assert (run.requests, run.completed, run.errors) == (20, 20, {})
    assert run.pods["web-1"].requests == 20
    assert run.corrected.count == run.uncorrected.count == 20


def test_new_connections_carry_one_request_each() -> None:
    with serving() as port:
        log = done(plan(port, at(*TIMES), keeps_connections=False))
    assert outcomes(log) == {"answered": 20}
    assert len(set(log.rows.connection)) == len(log.ports) == 20


def test_connections_come_from_the_addresses_that_a_plan_says() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done(plan(server.getsockname()[1], at(0.0), clients=4, sources=2, timeout=0.1))
        seen = []
        for _ in range(4):
            accepted, address = server.accept()
            accepted.close()
            seen.append(address[0])
    assert Counter(seen) == {"127.0.1.1": 2, "127.0.1.2": 2}


def test_keys_are_drawn_by_the_seed() -> None:
    asked: list[bytes] = []

    def note(data: bytes, _number: int) -> bytes:
        asked.append(data.split()[1])
        return ANSWER

    for _ in range(2):
        with serving(note) as port:
            done(plan(port, at(0.0, 0.02, 0.04), clients=1, most=1, request="/{}", keys=1000))
    assert len(set(asked)) == 3
    assert asked[:3] == asked[3:]


def test_a_closed_loop_has_as_many_clients_as_asked_for() -> None:
    with serving() as port:
        of = plan(port, None, clients=3, seconds=0.2)
        log = done(of)
    run = measure(log, of, lambda _: "", Label("svc/web", "rr", ""))
    assert len(log.ports) == len(set(log.rows.connection)) == 3
    assert run.completed == run.requests > 3
    assert run.pods["unknown"].peak_in_flight <= 3
    assert run.corrected == run.uncorrected


def test_an_open_loop_opens_more_connections_and_leaves_those_that_are_silent() -> None:
    """After a time-out the connection is closed, so that its late answer meets no other request."""

    def late(_data: bytes, number: int) -> bytes | None:
        return None if number < 9 else ANSWER

    with serving(late) as port:
        log = done(plan(port, at(*(number / 1000 for number in range(10)), 1.1), timeout=1.0))
    assert outcomes(log) == {"timed out": 9, "answered": 2}
    assert 10 <= len(log.ports) <= 11


def test_a_request_waits_while_all_connections_that_it_may_have_are_busy() -> None:
    """Its latency counts from when it was due; a client that counts from when it sends does not see the wait."""

    def stalled(_data: bytes, number: int) -> bytes:
        time.sleep(0.5 if number == 0 else 0)
        return ANSWER

    with serving(stalled) as port:
        of = plan(port, at(*TIMES), clients=2, most=2)
        log = done(of)
    assert len(log.ports) == 2
    assert outcomes(log) == {"answered": 20}
    run = measure(log, of, lambda _: "", Label("svc/web", "rr", ""))
    assert run.uncorrected.percentile(50) < 300_000 < run.corrected.lowest


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((b"",), "connection closed before the answer"),
        ((b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",), "status 503"),
        ((b"hello\r\n\r\n",), "malformed answer"),
    ],
)
def test_a_failure_is_told_by_its_kind(answers: Sequence[bytes], outcome: str) -> None:
    with serving(lambda _data, _number: answers[0]) as port:
        log = done(plan(port, at(0.0, 0.01, 0.02)))
    assert outcomes(log) == {outcome: 3}


def test_a_port_where_nobody_listens_is_told_as_never_opened() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        run = run_of(plan(unused.getsockname()[1], at(0.0, 0.01)))
    assert run.errors == {"connection never opened": 2}
    assert (run.generator.refused, run.corrected.count) == (2, 0)


def test_an_answer_that_announces_the_end_is_the_last_on_its_connection() -> None:
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda _data, _number: last) as port:
        log = done(plan(port, at(*TIMES)))
    assert outcomes(log) == {"answered": 20}
    assert len(log.ports) >= 20


def test_a_tcp_request_is_a_connection_of_its_own() -> None:
    with serving(lambda data, _number: data) as port:
        log = done(plan(port, at(0.0, 0.01, 0.02), "tcp", request="echo"))
    assert outcomes(log) == {"answered": 3}
    assert len(log.ports) == 3


def test_datagrams_that_are_not_answered_time_out() -> None:
    with serving(lambda data, number: data if number else None, is_datagram=True) as port:
        log = done(plan(port, at(0.0, 1.1), "udp", request="echo", clients=1, timeout=1.0))
    assert outcomes(log) == {"timed out": 1, "answered": 1}


def test_a_port_where_nobody_takes_datagrams_is_told_at_once() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    log = done(plan(port, at(0.0), "udp", request="echo"))
    assert outcomes(log) == {"refused by ICMP": 1}


def test_a_datagram_that_is_too_large_is_told_as_such() -> None:
    with serving(lambda data, _number: data, is_datagram=True) as port:
        log = done(plan(port, at(0.0), "udp", request="x" * 70_000))
    assert outcomes(log) == {"Message too long": 1}


def test_queries_are_answered_by_their_number() -> None:
    def answer(query: bytes, number: int) -> bytes:
        return query[:2] + (b"\x81\x80" if number else b"\x81\x83") + query[4:]

    with serving(answer, is_datagram=True) as port:
        log = done(plan(port, at(0.0, 0.01), "dns", request="web.default", clients=1))
    assert outcomes(log) == {"NXDOMAIN": 1, "answered": 1}


def test_a_generator_that_cannot_keep_up_says_how_much_it_has_begun() -> None:
    """A million requests per second are more than any Python process sends."""
    with serving() as port:
        of = plan(port, Profile(constant(1_000_000, 0.2)), seconds=0.2, timeout=0.1)
        run = run_of(of)
    assert run.offered_rate == 1_000_000
    assert run.generator.achieved_rate < 990_000
    assert run.generator.lag_p99 > 1000


def test_a_run_that_is_stopped_reports_what_it_has() -> None:
    with serving() as port:
        of = plan(port, Profile(constant(100, 60)), seconds=60.0)
        load = Load(of)
        try:
            for rows in load.follow(1.0):
                if rows:
                    load.stop()
        finally:
            load.close()
    run = measure(load.log, of, lambda _: "", Label("svc/web", "rr", ""))
    assert run.is_partial
    assert 0 < run.requests == run.completed
    assert run.seconds < 60


def test_a_generator_that_ends_without_a_result_says_why() -> None:
    load = Load(plan(1, at(0.0)), ("/bin/sh", "-c", "read plan; echo broken >&2; exit 3"))
    with pytest.raises(GeneratorError, match="status 3: broken"):
        list(load.follow(1.0))
    load.close()
