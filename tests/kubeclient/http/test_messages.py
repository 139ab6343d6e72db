"""Requests, and the heads of answers."""

from __future__ import annotations

import pytest

from kubeclient.http.messages import Answer, HeadReader, proxy_request, request


def test_a_request_says_how_long_its_body_is() -> None:
    assert request("GET", "/x", [("Host", "h")]) == b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
    assert request("POST", "/x", [], b"ab") == b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_head_may_come_in_pieces_and_what_follows_is_kept(size: int) -> None:
    text = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX:y: z \r\n\r\nrest"
    reader, found = HeadReader(), None
    for start in range(0, len(text), size):
        if found is None:
            found = reader.feed(text[start : start + size])
        else:
            reader.rest += text[start : start + size]
    assert found == Answer(101, "Switching Protocols", {"upgrade": "websocket", "x": "y: z"})
    assert reader.rest == b"rest"


def test_a_server_of_old_keeps_a_connection_only_if_it_says_so() -> None:
    for said, kept in (("", "close"), ("Connection: keep-alive\r\n", "keep-alive")):
        found = HeadReader().feed(f"HTTP/1.0 200 OK\r\n{said}\r\n".encode())
        assert found == Answer(200, "OK", {"connection": kept})


@pytest.mark.parametrize("text", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 70_000])
def test_what_is_no_head_is_refused(text: bytes) -> None:
    with pytest.raises(ConnectionError):
        HeadReader().feed(text)


def test_a_proxy_is_asked_to_connect() -> None:
    assert proxy_request("api.test:6443") == b"CONNECT api.test:6443 HTTP/1.1\r\nHost: api.test:6443\r\n\r\n"
    assert b"\r\nProxy-Authorization: Basic eA==\r\n\r\n" in proxy_request("h:1", "Basic eA==")
