"""Requests and answers of each protocol, without a socket."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svcbench.load.exchanges import Answer, DNSExchange, EchoExchange, HTTPExchange, get_request
from svcbench.outcomes import CUT_OFF, MALFORMED

OK = b"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\n"


def http(*, keeps: bool = True) -> HTTPExchange:
    exchange = HTTPExchange(get_request("/hostname", "web:80", keeps=keeps), keeps=keeps)
    exchange.request()
    return exchange


def fed(exchange: HTTPExchange, *pieces: bytes) -> Answer | None:
    """Return the answer to the last of the pieces; the others give none."""
    for piece in pieces[:-1]:
        assert exchange.feed(piece) is None
    return exchange.feed(pieces[-1])


def test_an_http_request_names_its_host_and_its_wish_to_close() -> None:
    assert get_request("/a?b", "web:80", ["X-A: b"]) == (
        b"GET /a?b HTTP/1.1\r\nHost: web:80\r\nUser-Agent: kubesvc-bench\r\nX-A: b\r\n\r\n"
    )
    assert get_request("/", "web", keeps=False).endswith(b"\r\nConnection: close\r\n\r\n")


def test_a_key_takes_its_place_in_every_request() -> None:
    keys = iter((7, 42))
    exchange = HTTPExchange(get_request("/{}", "web", ["X-User: u{}"]), keeps=True, keys=lambda: next(keys))
    assert exchange.request().startswith(b"GET /7 ")
    assert b"X-User: u42\r\n" in exchange.request()


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (OK + b"Content-Length: 2\r\n\r\nhi", Answer("answered", "web-1", True)),
        (OK + b"content-length:0\r\n\r\n", Answer("answered", "web-1", True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer("answered", "", True)),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx", Answer("answered", "web-1", True)),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na;x=y\r\n0\r\n\r\n45678\r\n0\r\nT: 1\r\n\r\n", None),
        (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi", Answer("answered", "web-1", False)),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", Answer("status 503", "", True)),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Answer("status 404", "", True)),
        (b"HTTP/1.1 200 OK\r\nX-Kubesvc-Endpoint: 10.0.0.1:80 \r\nContent-Length: 0\r\n\r\n", None),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", Answer(MALFORMED, "web-1", False)),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Answer(MALFORMED, "", False)),
    ],
)
def test_an_http_answer_is_read_however_it_is_cut(answer: bytes, read: Answer | None) -> None:
    whole = http().feed(answer)
    assert whole is not None
    assert read is None or whole == read
    bytewise, exchange = None, http()
    for at in range(len(answer)):
        bytewise = exchange.feed(answer[at : at + 1])
        if bytewise is not None:
            break
    assert bytewise is not None
    assert bytewise.outcome == whole.outcome


def test_more_than_was_announced_is_an_error() -> None:
    answer = http().feed(OK + b"Content-Length: 1\r\n\r\nhi")
    assert answer == Answer("more than the announced length", "web-1", False)


def test_an_endpoint_that_is_named_is_the_pod() -> None:
    said = http().feed(b"HTTP/1.1 200 OK\r\nX-Kubesvc-Endpoint: 10.0.0.1:80 \r\nContent-Length: 0\r\n\r\n")
    assert said == Answer("answered", "10.0.0.1:80", True)


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    assert fed(http(), OK + b"\r\nhalf", b" and half", b"") == Answer("answered", "web-1", False)


@pytest.mark.parametrize("pieces", [(b"",), (OK, b""), (OK + b"Content-Length: 9\r\n\r\nhalf", b"")])
def test_an_answer_that_breaks_off_is_an_error(pieces: tuple[bytes, ...]) -> None:
    answer = fed(http(), *pieces)
    assert answer is not None
    assert (answer.outcome, answer.can_stay) == (CUT_OFF, False)


def test_a_connection_that_is_not_kept_carries_one_request() -> None:
    assert http(keeps=False).feed(OK + b"Content-Length: 0\r\n\r\n") == Answer("answered", "web-1", False)


def test_a_kept_connection_carries_the_next_request() -> None:
    exchange = http()
    for _ in range(2):
        exchange.request()
        assert exchange.feed(OK + b"Content-Length: 2\r\n\r\nhi") == Answer("answered", "web-1", True)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    exchange = http()
    exchange.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    exchange.feed(data)
    http().feed(b"HTTP/1.1 " + data)


def test_an_echo_is_answered_by_whatever_comes_first() -> None:
    flow = EchoExchange(b"hostname\n", can_stay=True)
    assert flow.request() == b"hostname\n"
    assert flow.feed(b"web-1") == Answer("answered", "", True)
    assert EchoExchange(b"", can_stay=False).feed(b"x") == Answer("answered", "", False)
    assert EchoExchange(b"", can_stay=False).feed(b"") == Answer(CUT_OFF, "", False)


def test_a_query_asks_for_the_addresses_of_a_name() -> None:
    assert DNSExchange("web.default.", first=6).request() == (b"\0\7\1\0\0\1\0\0\0\0\0\0\3web\7default\0\0\1\0\1")


def test_a_query_for_the_root_has_no_label() -> None:
    assert DNSExchange(".").request()[12:] == b"\0\0\1\0\1"


@pytest.mark.parametrize(
    ("number", "flags", "outcome"),
    [
        (1, 0x8180, "answered"),
        (1, 0x8183, "NXDOMAIN"),
        (1, 0x8182, "SERVFAIL"),
        (1, 0x818F, "RCODE 15"),
        (2, 0x8180, None),
    ],
)
def test_an_answer_to_a_query_has_its_number_and_a_code(number: int, flags: int, outcome: str | None) -> None:
    exchange = DNSExchange("web")
    exchange.request()
    answer = exchange.feed(struct.pack("!HHHHHH", number, flags, 1, 1, 0, 0))
    assert (answer and answer.outcome) == outcome


def test_a_datagram_that_is_too_short_is_malformed() -> None:
    exchange = DNSExchange("web")
    exchange.request()
    assert exchange.feed(b"\0") == Answer(MALFORMED, "", True)
