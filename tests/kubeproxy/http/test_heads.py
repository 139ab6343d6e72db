"""Which heads are requests and answers, and which are refused: the sharp cases of RFC 9112, one row each."""

from __future__ import annotations

import pytest

from kubeproxy.http import heads
from kubeproxy.http.answerhead import read_answer
from kubeproxy.http.heads import CHUNKED, UNTIL_END, BadAnswer, Refused
from kubeproxy.http.requesthead import Request, read_request
from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.requests import RequestReader

HOST = b"Host: web\r\n"


def request(line: bytes = b"GET / HTTP/1.1", fields: bytes = HOST) -> Request:
    return read_request(line + b"\r\n" + fields + b"\r\n", 100)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            id="length-and-coding",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            400,
            id="coding-and-length",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, id="two-lengths"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            400,
            id="the-same-length-twice",
        ),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400, id="list-of-lengths"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400, id="plus"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, id="minus"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400, id="hexadecimal"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", 400, id="space-within"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n", 400, id="underscore"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400, id="empty-length"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\n", 400, id="length-overflow"
        ),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400, id="not-chunked"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400, id="not-chunked-last"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400, id="chunked-twice"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
            400,
            id="two-codings",
        ),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, id="almost-chunked"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400, id="vertical-tab"),
        pytest.param(b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n', 400, id="quoted-chunked"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, id="coding-nobody-knows"
        ),
        pytest.param(b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, id="chunked-in-1.0"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400, id="folded-line"),
        pytest.param(b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, id="space-before-the-first-header"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", 400, id="space-before-the-colon"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n", 400, id="tab-before-the-colon"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", 400, id="bare-lf"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, id="bare-lf-after-the-request-line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n", 400, id="bare-cr"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400, id="nul"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", 400, id="control-character"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX(: 1\r\n\r\n", 400, id="invalid-name"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", 400, id="empty-name"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX\xff: 1\r\n\r\n", 400, id="name-beyond-ascii"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400, id="no-colon"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no-host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, id="two-hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, id="the-same-host-twice"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, id="list-of-hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, id="user-in-host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, id="path-in-host"),
        pytest.param(b"GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="user-in-target"),
        pytest.param(b"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="other-scheme"),
        pytest.param(b"GET http://a#b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="fragment-instead-of-a-path"),
        pytest.param(b"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", 405, id="connect-to-a-path"),
        pytest.param(b"GET web:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="authority-form"),
        pytest.param(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="asterisk-of-a-get"),
        pytest.param(b"CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n", 405, id="connect"),
        pytest.param(b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="two-spaces"),
        pytest.param(b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="tab-in-the-request-line"),
        pytest.param(b"GET / a HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="space-in-the-target"),
        pytest.param(b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="target-beyond-ascii"),
        pytest.param(b"GET /\r\nHost: a\r\n\r\n", 400, id="no-version"),
        pytest.param(b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="invalid-method"),
        pytest.param(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, id="version-2"),
        pytest.param(b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, id="version-1.2"),
        pytest.param(b"GET / http/1.1\r\nHost: a\r\n\r\n", 400, id="lower-case-version"),
        pytest.param(b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, id="long-version"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\n", 505, id="http-2-preface"),
        pytest.param(b"\x16\x03\x01\x02\r\n\r\n", 400, id="tls"),
    ],
)
def test_what_is_no_request_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        read_request(head, 100)
    assert refused.value.status == status
    assert refused.value.reason


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        pytest.param(b"", 0, id="none"),
        pytest.param(b"Content-Length: 5\r\n", 5, id="length"),
        pytest.param(b"content-length:5\r\n", 5, id="without-space"),
        pytest.param(b"Content-Length:\t 005 \t\r\n", 5, id="white-space-around"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", CHUNKED, id="chunked"),
        pytest.param(b"transfer-encoding: Chunked \r\n", CHUNKED, id="any-case"),
    ],
)
def test_a_requests_body_is_as_long_as_its_head_says(fields: bytes, length: int) -> None:
    assert request(b"POST / HTTP/1.1", HOST + fields).length == length


@pytest.mark.parametrize(
    ("line", "fields", "target", "host"),
    [
        pytest.param(b"GET /a?b#c HTTP/1.1", HOST, b"/a?b#c", b"web", id="origin-form"),
        pytest.param(b"GET //evil/ HTTP/1.1", HOST, b"//evil/", b"web", id="two-slashes-are-a-path"),
        pytest.param(b"GET http://other:81/a?b HTTP/1.1", HOST, b"/a?b", b"other:81", id="absolute-form-replaces-host"),
        pytest.param(b"GET HTTP://other HTTP/1.1", HOST, b"/", b"other", id="absolute-form-without-path"),
        pytest.param(b"GET http://other?b HTTP/1.1", HOST, b"/?b", b"other", id="absolute-form-with-query-only"),
        pytest.param(b"OPTIONS http://other HTTP/1.1", HOST, b"*", b"other", id="options-of-a-server"),
        pytest.param(b"OPTIONS * HTTP/1.1", HOST, b"*", b"web", id="asterisk-form"),
        pytest.param(b"GET / HTTP/1.1", b"Host:\r\n", b"/", b"", id="empty-host"),
        pytest.param(b"GET / HTTP/1.1", b"Host: [::1]:80\r\n", b"/", b"[::1]:80", id="ipv6"),
        pytest.param(b"GET / HTTP/1.0", b"", b"/", None, id="no-host-in-1.0"),
    ],
)
def test_the_target_and_the_host_belong_together(line: bytes, fields: bytes, target: bytes, host: bytes | None) -> None:
    read = request(line, fields)
    assert (read.target, read.host) == (target, host)


@pytest.mark.parametrize(
    ("line", "fields", "is_kept_alive"),
    [
        pytest.param(b"GET / HTTP/1.1", b"", True, id="1.1"),
        pytest.param(b"GET / HTTP/1.1", b"Connection: close\r\n", False, id="1.1-close"),
        pytest.param(
            b"GET / HTTP/1.1", b"Connection: foo\r\nConnection: Close\r\n", False, id="close-in-a-second-line"
        ),
        pytest.param(b"GET / HTTP/1.0", b"", False, id="1.0"),
        pytest.param(b"GET / HTTP/1.0", b"Connection: Keep-Alive\r\n", True, id="1.0-keep-alive"),
        pytest.param(b"GET / HTTP/1.0", b"Connection: keep-alive, close\r\n", False, id="close-wins"),
    ],
)
def test_who_keeps_the_connection(line: bytes, fields: bytes, is_kept_alive: bool) -> None:
    assert request(line, HOST + fields).is_kept_alive is is_kept_alive


@pytest.mark.parametrize(
    ("fields", "upgrade"),
    [
        pytest.param(b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"websocket", id="websocket"),
        pytest.param(b"Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n", b"websocket", id="among-options"),
        pytest.param(b"Upgrade: websocket\r\n", b"", id="not-named-by-connection"),
        pytest.param(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n", b"", id="h2c"),
        pytest.param(b"Connection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 1\r\n", b"", id="with-a-body"),
    ],
)
def test_what_a_request_may_upgrade_to(fields: bytes, upgrade: bytes) -> None:
    assert request(b"GET / HTTP/1.1", HOST + fields).upgrade == upgrade


@pytest.mark.parametrize(
    ("head", "method", "length"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"GET", 5, id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"HEAD", 0, id="head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HEAD", 0, id="head-of-chunks"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"GET", 0, id="304"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", b"GET", 0, id="204"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", b"POST", 0, id="100"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET", CHUNKED, id="chunked"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"GET", UNTIL_END, id="until-the-end"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", b"GET", UNTIL_END, id="1.0"),
        pytest.param(b"HTTP/1.1 200 \r\n\r\n", b"GET", UNTIL_END, id="no-reason"),
    ],
)
def test_an_answers_body_is_as_long_as_rfc_9112_says(head: bytes, method: bytes, length: int) -> None:
    assert read_answer(head, method, 100).length == length


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", id="two-lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5,6\r\n\r\n", id="list-of-lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", id="unknown-coding"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", id="identity"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5, \r\n\r\n", id="list-with-an-empty-length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5, +5\r\n\r\n", id="list-with-a-sign"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n", id="folded-line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX : 1\r\n\r\n", id="space-before-the-colon"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: 1\n 2\r\n\r\n", id="folded-line-behind-a-bare-lf"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: 1\rY: 2\r\n\r\n", id="bare-cr"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n", id="nul"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", id="long-status"),
        pytest.param(b"HTTP/1.1 099 OK\r\n\r\n", id="status-below-100"),
        pytest.param(b"HTTP/2 200 OK\r\n\r\n", id="version-2"),
        pytest.param(b"ICY 200 OK\r\n\r\n", id="no-http"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", id="ssh"),
    ],
)
def test_what_is_no_answer_is_not_passed_on(head: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_answer(head, b"GET", 100)


@pytest.mark.parametrize("method", [b"FOO", b"BAN", b"VERSION-CONTROL", b"get", b"PRI", b"M!#$%&'*+.^_`|~0"])
def test_any_token_is_a_method(method: bytes) -> None:
    assert request(method + b" / HTTP/1.1", HOST).method == method


NORMALISED = [
    pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 5\n\n", b" 200 OK\r\nContent-Length: 5\r\n", 5, id="bare-lf"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 5\r\n\r\n",
        b" 200 OK\r\nX: 1\r\nContent-Length: 5\r\n",
        5,
        id="one-bare-lf",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\n", b" 200 OK\r\nContent-Length: 5\r\n", 5, id="bare-lf-at-the-end"
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\n",
        b" 200 OK\r\nContent-Length: 5\r\n",
        5,
        id="bare-lf-before-the-end",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: 1\r\ncontent-length: 5\r\n\r\n",
        b" 200 OK\r\nX: 1\r\nContent-Length: 5\r\n",
        5,
        id="one-length-twice",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5 , 05\r\n\r\n",
        b" 200 OK\r\nContent-Length: 5\r\n",
        5,
        id="list-of-one-length",
    ),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n",
        b" 200 OK\r\nX: 1\r\n",
        CHUNKED,
        id="length-and-coding",
    ),
    pytest.param(
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b" 200 OK\r\n", CHUNKED, id="chunked-in-1.0"
    ),
    pytest.param(
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX: 1\r\n\r\n", b" 204 No Content\r\nX: 1\r\n", 0, id="204"
    ),
    pytest.param(
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 7\r\n\r\n",
        b" 103 Early Hints\r\nLink: x\r\n",
        0,
        id="103",
    ),
    pytest.param(
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
        b" 304 Not Modified\r\nContent-Length: 7\r\n",
        0,
        id="304-keeps-it",
    ),
    pytest.param(
        b"HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\n", b" 200 OK\r\nContent-Length: 5\r\n", 5, id="version-1.2"
    ),
]


@pytest.mark.parametrize(("head", "fields", "length"), NORMALISED)
def test_what_haproxy_and_nginx_both_pass_on_is_put_right(head: bytes, fields: bytes, length: int) -> None:
    for _ in range(2):
        answer = read_answer(head, b"GET", 100)
        assert (answer.fields, answer.length) == (fields, length)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", id="chunked-in-1.0"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", id="length-and-coding"
        ),
    ],
)
def test_nothing_is_read_behind_an_answer_whose_framing_is_faulty(head: bytes) -> None:
    assert not read_answer(head, b"GET", 100).is_kept_alive


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        request(fields=HOST + b"X: 1\r\n" * 100)
    assert refused.value.status == 431
    with pytest.raises(BadAnswer):
        read_answer(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 101 + b"\r\n", b"GET", 100)


def test_lines_mean_the_same_when_they_are_read_again() -> None:
    for _ in range(2):
        read = request(
            b"POST / HTTP/1.1", HOST + b"Content-Length: 5\r\nConnection: x\r\nconnection: close\r\nX: 1\r\n"
        )
        assert (read.length, read.is_kept_alive, read.options) == (5, False, frozenset((b"x", b"close")))
        assert read.fields == b"\r\nHost: web\r\nContent-Length: 5\r\nX: 1\r\n"
        with pytest.raises(Refused):
            request(fields=HOST + b"X : 1\r\n")


def test_no_more_lines_are_remembered_than_there_is_room_for() -> None:
    for number in range(heads.REMEMBERED_LINES + 10):
        request(fields=HOST + b"X: %d\r\nTE: %d\r\nX-Long: %b\r\n" % (number, number, b"x" * 256))
    remembered = [*heads._plain, *heads._special]
    assert 0 < len(remembered) <= heads.REMEMBERED_LINES
    assert max(map(len, remembered)) <= heads.REMEMBERED_BYTES


@pytest.mark.parametrize(
    ("received", "status"),
    [
        pytest.param(b"GET /" + b"a" * 8200, 414, id="endless-request-line"),
        pytest.param(b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, id="long-request-line"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 33000, 431, id="endless-head"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 33000 + b"\r\n\r\n", 431, id="long-head"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", 400, id="bare-lf-only"),
    ],
)
def test_heads_have_limits_before_they_are_whole(received: bytes, status: int) -> None:
    reader = RequestReader(HttpConfig())
    reader.inbox = received
    with pytest.raises(Refused) as refused:
        reader.next_request()
    assert refused.value.status == status


def test_requests_are_taken_one_by_one_and_empty_lines_between_them_are_skipped() -> None:
    reader = RequestReader(HttpConfig())
    reader.inbox = b"\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HT"
    targets = []
    while (taken := reader.next_request()) is not None:
        targets.append(taken.target)
    assert targets == [b"/1", b"/2"]
    assert reader.inbox == b"GET /3 HT"
