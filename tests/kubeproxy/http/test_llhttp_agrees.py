"""A second opinion on heads: what is passed on is taken by llhttp, too, which is Node.js' parser."""

from __future__ import annotations

import contextlib

import pytest
from httptools import HttpParserUpgrade, HttpRequestParser, HttpResponseParser
from hypothesis import given
from hypothesis import strategies as st

from kubeproxy.http.answerhead import read_answer
from kubeproxy.http.heads import BadAnswer, Refused
from kubeproxy.http.requesthead import read_request
from kubeproxy.userspace.http.forwarding import forward_answer

REQUESTS = (
    b"GET /a?b HTTP/1.1\r\nHost: web\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    b"PUT http://web/ HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\nConnection: close, X\r\nX: 1\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
)
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 12:50:15 GMT\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
    b"HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
    b'HTTP/1.0 304 Not Modified\r\nETag: "a"\r\n\r\n',
)
PIECES = (
    *(bytes([each]) for each in b'\r\n \t:,;aZ0/@#*+-\0\x7f\x80\xff"'),
    *(
        b"\r\n",
        b" \r\n ",
        b"\r\nContent-Length: 5",
        b"\r\nTransfer-Encoding: chunked",
        b"Host: a\r\n",
        b"1.2",
        b"chunked",
    ),
)


@st.composite
def spoiled(draw: st.DrawFn, heads: tuple[bytes, ...]) -> bytes:
    """Return a head with up to four small faults."""
    head = draw(st.sampled_from(heads))
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, len(head)))
        head = head[:position] + draw(st.sampled_from(PIECES)) + head[position + draw(st.integers(0, 3)) :]
    return head[: head.find(b"\r\n\r\n") + 4] if b"\r\n\r\n" in head else head + b"\r\n\r\n"


class Heard:
    """What llhttp calls back."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value.strip(b" \t")))


def hear(parser: type[HttpRequestParser] | type[HttpResponseParser], head: bytes) -> Heard:
    heard = Heard()
    with contextlib.suppress(HttpParserUpgrade):
        parser(heard).feed_data(head)
    return heard


def fields(head: bytes) -> list[tuple[bytes, bytes]]:
    lines = (line.partition(b":") for line in head[:-4].split(b"\r\n")[1:])
    return [(name.lower(), value.strip(b" \t")) for name, _, value in lines]


@given(spoiled(REQUESTS))
def test_what_is_a_request_is_one_for_llhttp(head: bytes) -> None:
    try:
        request = read_request(head, 100)
    except Refused:
        return
    # llhttp has a list of methods; any token is one (RFC 9110 9.1).
    heard = hear(HttpRequestParser, b"GET" + head.removeprefix(request.method))
    assert heard.fields == fields(head)
    assert heard.target.endswith(request.target) or request.target in (b"*", b"/")


@given(spoiled(ANSWERS))
def test_what_is_passed_on_of_an_answer_is_one_for_llhttp(head: bytes) -> None:
    try:
        answer = read_answer(head, b"GET", 100)
    except BadAnswer:
        return
    told = forward_answer(answer, is_last=False, is_for_http_1_0=False)
    assert hear(HttpResponseParser, told).fields == fields(told)


@pytest.mark.parametrize("head", REQUESTS)
def test_the_requests_that_are_spoiled_are_whole(head: bytes) -> None:
    assert read_request(head, 100).method in head
    assert hear(HttpRequestParser, head).fields == fields(head)
