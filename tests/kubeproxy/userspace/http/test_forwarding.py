"""What of a head is passed on, and what the proxy says besides."""

from __future__ import annotations

import pytest

from kubeproxy.http.answerhead import read_answer
from kubeproxy.http.requesthead import read_request
from kubeproxy.userspace.http.forwarding import forward_answer, forward_request

FORWARDED = b"X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: web\r\n"


def forwarded(fields: bytes, line: bytes = b"GET /a HTTP/1.1") -> bytes:
    return forward_request(read_request(line + b"\r\n" + fields + b"\r\n", 100), b"10.0.0.9", b"10.96.0.1:80")


@pytest.mark.parametrize(
    ("fields", "passed_on"),
    [
        pytest.param(b"Host: web\r\nAccept: */*\r\n", b"Host: web\r\nAccept: */*\r\n" + FORWARDED, id="end-to-end"),
        pytest.param(
            b"Host: web\r\nConnection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: 5\r\nX-Public: 1\r\n",
            b"Host: web\r\nX-Public: 1\r\n" + FORWARDED,
            id="connection-and-what-it-names",
        ),
        pytest.param(
            b"Host: web\r\nProxy-Connection: close\r\nProxy-Authorization: x\r\nProxy: y\r\n",
            b"Host: web\r\n" + FORWARDED,
            id="proxy-fields",
        ),
        pytest.param(
            b"Connection: host, x-forwarded-for, content-length\r\nHost: web\r\nContent-Length: 3\r\n",
            b"Host: web\r\nContent-Length: 3\r\n" + FORWARDED,
            id="what-connection-must-not-name",
        ),
        pytest.param(
            b"Host: web\r\nTransfer-Encoding:  CHUNKED\r\n",
            b"Host: web\r\n" + FORWARDED + b"Transfer-Encoding: chunked\r\n",
            id="chunked-is-said-anew",
        ),
        pytest.param(
            b"Host: web\r\nTE: gzip, trailers\r\nConnection: TE\r\n",
            b"Host: web\r\n" + FORWARDED + b"Connection: TE\r\nTE: trailers\r\n",
            id="te-trailers",
        ),
        pytest.param(b"Host: web\r\nTE: gzip\r\nConnection: TE\r\n", b"Host: web\r\n" + FORWARDED, id="te-else"),
        pytest.param(
            b"Host: web\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            b"Host: web\r\n" + FORWARDED + b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
            id="upgrade",
        ),
        pytest.param(
            b"Host: web\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n",
            b"Host: web\r\n" + FORWARDED,
            id="no-upgrade-to-h2c",
        ),
        pytest.param(
            b"Host: web\r\nExpect: 100-continue\r\nContent-Length: 3\r\n",
            b"Host: web\r\nExpect: 100-continue\r\nContent-Length: 3\r\n" + FORWARDED,
            id="expect",
        ),
        pytest.param(
            b"Host: web\r\nX-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8, 9.9.9.9\r\n"
            b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop\r\n",
            b"Host: web\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop\r\n"
            b"X-Forwarded-For: 1.2.3.4, 5.6.7.8, 9.9.9.9, 10.0.0.9\r\n",
            id="behind-an-ingress",
        ),
    ],
)
def test_a_request_is_passed_on_with_its_end_to_end_fields(fields: bytes, passed_on: bytes) -> None:
    assert forwarded(fields) == b"GET /a HTTP/1.1\r\n" + passed_on + b"\r\n"


def test_a_request_of_http_1_0_is_passed_on_as_1_1_for_the_host_that_it_reached() -> None:
    assert forwarded(b"", b"GET / HTTP/1.0") == (
        b"GET / HTTP/1.1\r\nHost: 10.96.0.1:80\r\n" + FORWARDED.replace(b"web", b"10.96.0.1:80") + b"\r\n"
    )


def test_an_absolute_target_is_passed_on_as_a_path_of_its_host() -> None:
    passed_on = forwarded(b"Host: web\r\n", b"GET http://other/b HTTP/1.1")
    assert passed_on.startswith(b"GET /b HTTP/1.1\r\nHost: other\r\n")


@pytest.mark.parametrize(
    ("head", "is_last", "passed_on"),
    [
        pytest.param(
            b"HTTP/1.1 200 Fine\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n",
            False,
            b"HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n",
            id="kept-alive",
        ),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n",
            True,
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n",
            id="last",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nTrailer: X\r\n",
            False,
            b"HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n",
            id="chunked",
        ),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            False,
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            id="101",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n",
            False,
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
            id="an-offer-to-upgrade-ends-here",
        ),
    ],
)
def test_an_answer_is_passed_on_with_its_end_to_end_fields(head: bytes, is_last: bool, passed_on: bytes) -> None:
    answer = read_answer(head + b"\r\n", b"GET", 100)
    assert forward_answer(answer, is_last=is_last, is_for_http_1_0=False) == passed_on + b"\r\n"


def test_a_client_of_http_1_0_is_told_that_its_connection_is_kept() -> None:
    answer = read_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"GET", 100)
    assert b"\r\nConnection: keep-alive\r\n" in forward_answer(answer, is_last=False, is_for_http_1_0=True)
