from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeapi.streaming.websocket import WebSocketError, WebSocketFrames, accept_key

KEY = b"\x01\x02\x03\x04"


def mask(key: bytes, content: bytearray) -> None:
    for index, each in enumerate(content):
        content[index] = each ^ key[index % 4]


def masked(content: bytes, key: bytes) -> bytes:
    changed = bytearray(content)
    mask(key, changed)
    return bytes(changed)


def client() -> WebSocketFrames:
    return WebSocketFrames(mask, lambda count: (KEY * count)[:count])


def wrapped(frames: WebSocketFrames, content: bytes) -> bytes:
    return b"".join(frames.wrap([content[:3], content[3:]]))


def server() -> WebSocketFrames:
    return WebSocketFrames(mask)


def test_the_answer_to_a_key_is_that_of_the_standard() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_messages_of_every_length_arrive(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    assert b"".join(server().receive(wrapped(client(), content))) == content
    assert b"".join(client().receive(wrapped(server(), content))) == content


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=200), max_size=6), st.integers(1, 40), st.booleans())
def test_bytes_arrive_however_they_are_cut(messages: list[bytes], size: int, is_client: bool) -> None:
    sender, receiver = (client(), server()) if is_client else (server(), client())
    stream = b"".join(wrapped(sender, each) for each in messages)
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert b"".join(part for piece in pieces for part in receiver.receive(piece)) == b"".join(messages)


def test_a_ping_is_answered_with_its_bytes() -> None:
    frames = client()
    assert frames.receive(b"\x89\x02hi" + b"\x82\x01x") == [b"x"]
    assert frames.replies == b"\x8a\x82" + KEY + masked(b"hi", KEY)


def test_a_close_is_answered_and_ends_what_is_read() -> None:
    frames = client()
    assert frames.receive(b"\x88\x02\x03\xe8" + b"\x82\x01x") == []
    assert frames.has_ended
    assert frames.replies == b"\x88\x82" + KEY + masked(struct.pack(">H", 1000), KEY)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x82\x81" + KEY + b"x", id="masked-by-a-server"),
        pytest.param(b"\x81\x01x", id="text"),
        pytest.param(b"\xc2\x01x", id="compressed"),
        pytest.param(b"\x89\x7e\x00\x80" + bytes(128), id="long-ping"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="http"),
    ],
)
def test_what_is_no_binary_message_for_us_ends_the_connection(content: bytes) -> None:
    with pytest.raises(WebSocketError):
        client().receive(content)
