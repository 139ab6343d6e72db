"""What the proxy has seen of an endpoint, and what is said of it then. Time is 100 s when the connections are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubeapi.meta import ObjectKey
from kubeproxy.targets import Loop
from kubeproxy.telemetry.recent import ConnectionRecord, RecentConnections
from kubeproxy.types import Choice, Destination, Endpoint, Route, ServicePortName
from kubesvc.why.explain.doubts import doubts_of

WEB = ServicePortName("default", "web", "http", "TCP")
A, B = Endpoint("10.65.40.20", 80), Endpoint("127.244.1.3", 8080)

Ring = RecentConnections


def begin(
    ring: Ring, endpoint: Endpoint = A, *, protocol: str = "tcp", service: ServicePortName = WEB
) -> ConnectionRecord:
    record = ring.began(
        protocol, "127.0.0.1", 40000, Destination("127.96.0.20", 80, "TCP"), Route(service, "", is_local=False)
    )
    record.choice = Choice(endpoint, is_pinned=False)
    return record


def fails(ring: Ring, *, attempts: int = 4, reason: str = "connect_timeout", service: ServicePortName = WEB) -> None:
    record = begin(ring, service=service)
    for _ in range(attempts):
        record.failed(reason)
    ring.ended(record, reason)


def fails_over(ring: Ring) -> None:
    record = begin(ring)
    record.failed("connect_refused")
    record.choice = Choice(B, is_pinned=False)
    record.bytes_to_client = 5


def answers(ring: Ring) -> None:
    record = begin(ring)
    record.bytes_to_client = 5


def is_silent(ring: Ring) -> None:
    begin(ring)


def ends(ring: Ring) -> None:
    ring.ended(begin(ring))


def is_asked(ring: Ring, outcome: str = "upstream_timeout") -> None:
    record = begin(ring, protocol="http")
    record.bytes_to_client = 100  # our own answer
    ring.ended(record, outcome)


def is_asked_in_vain(ring: Ring) -> None:
    record = begin(ring, protocol="http")
    record.failed("connect_refused")
    record.bytes_to_client = 100
    ring.ended(record, "unreachable")


def flows(ring: Ring, answered: int, *, is_refused: bool) -> None:
    record = begin(ring, protocol="udp")
    if is_refused:
        record.failed("port_unreachable")
    record.bytes_to_client = answered
    ring.ended(record)


REFUSED = "; no program listens there, or one that binds 127.0.0.1 only"
CASES = [
    pytest.param([], {}, id="nothing-is-known"),
    pytest.param([fails], {A: "the last 4 attempts failed (connect_timeout)"}, id="nobody-answers"),
    pytest.param([fails_over], {A: "the last attempt failed (connect_refused)"}, id="another-answers"),
    pytest.param([fails, fails_over], {A: "the last 5 attempts failed (connect_refused)"}, id="again-and-again"),
    pytest.param([fails, answers], {}, id="it-answers-again"),
    pytest.param([fails, ends], {}, id="it-takes-a-connection-again"),
    pytest.param([fails, is_silent], {A: "the last 4 attempts failed (connect_timeout)"}, id="dialled-just-now"),
    pytest.param([answers, fails], {A: "the last 4 attempts failed (connect_timeout)"}, id="it-has-stopped-answering"),
    pytest.param([is_asked, is_asked], {A: "the last 2 attempts failed (upstream_timeout)"}, id="requests-time-out"),
    pytest.param([is_asked_in_vain], {A: "the last attempt failed (connect_refused)"}, id="requests-are-refused"),
    pytest.param(
        [lambda ring: flows(ring, 0, is_refused=True)],
        {A: "the last attempt failed (port_unreachable)"},
        id="datagrams-are-refused",
    ),
    pytest.param(
        [lambda ring: flows(ring, 0, is_refused=True), lambda ring: flows(ring, 0, is_refused=False)],
        {A: "the last attempt failed (port_unreachable)"},
        id="silence-is-no-answer",
    ),
    pytest.param(
        [lambda ring: flows(ring, 0, is_refused=True), lambda ring: flows(ring, 9, is_refused=False)],
        {},
        id="datagrams-are-answered-again",
    ),
    pytest.param([lambda ring: flows(ring, 9, is_refused=True)], {}, id="a-flow-is-answered-after-a-refusal"),
    pytest.param([lambda ring: fails(ring, service=WEB._replace(name="api"))], {}, id="it-is-another-services-trouble"),
]


@pytest.mark.parametrize(("happened", "doubts"), CASES)
def test_an_endpoint_is_doubted_when_its_last_attempts_failed(
    happened: list[Callable[[Ring], None]], doubts: dict[Endpoint, str]
) -> None:
    ring = RecentConnections(lambda: 100.0)
    for each in happened:
        each(ring)
    assert doubts_of(ObjectKey("default", "web"), ring.records(), (), 112.0) == {
        endpoint.address: f"did not answer: {clause}, 12 s ago{REFUSED if 'connect_refused' in clause else ''}"
        for endpoint, clause in doubts.items()
    }


def test_what_was_long_ago_is_no_doubt() -> None:
    ring = RecentConnections(lambda: 100.0)
    fails(ring)
    assert doubts_of(ObjectKey("default", "web"), ring.records(), (), 161.0) == {}


def test_an_endpoint_that_leads_back_is_doubted_without_an_attempt() -> None:
    loop = Loop("127.0.0.1:30080", (WEB,))
    assert doubts_of(ObjectKey("default", "web"), (), (loop,), 0.0) == {
        "127.0.0.1:30080": "is not dialled: it leads back to this Service, without end"
    }
