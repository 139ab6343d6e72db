from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.kubeapiserver.spdy import SpdyClient

from kubeapiserver.streaming.spdy import (
    DICTIONARY,
    FRAME_LIMIT,
    Ended,
    Event,
    Opened,
    Received,
    SpdyConnection,
    SpdyError,
)


def received(*frames: bytes) -> list[Event]:
    return SpdyConnection().receive(b"".join(frames))


def test_the_dictionary_is_that_of_the_draft() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_streams_are_opened_fed_and_ended() -> None:
    client = SpdyClient()
    events = received(
        client.open(1, {"streamtype": "error"}, is_finished=True),
        client.open(3, {"streamtype": "data", "port": "80"}),
        client.data(3, b"hello"),
        client.data(3, b"", is_finished=True),
    )
    assert events == [
        Opened(1, {"streamtype": "error"}),
        Ended(1),
        Opened(3, {"streamtype": "data", "port": "80"}),
        Received(3, b"hello"),
        Ended(3),
    ]


def test_frames_may_come_byte_by_byte() -> None:
    client, server = SpdyClient(), SpdyConnection()
    stream = client.open(1, {"a": "b"}) + client.data(1, b"xyz")
    events = [event for index in range(len(stream)) for event in server.receive(stream[index : index + 1])]
    assert events == [Opened(1, {"a": "b"}), Received(1, b"xyz")]


def test_what_we_send_is_what_a_client_reads() -> None:
    client, server = SpdyClient(), SpdyConnection()
    server.receive(client.open(1, {}))
    server.accept(1)
    server.send(1, b"out")
    server.end(1)
    server.send(1, b"too late")
    assert client.read(bytes(server.outgoing)) == [("reply", 1), ("data", 1, b"out"), ("end", 1)]


def test_a_ping_is_echoed() -> None:
    server = SpdyConnection()
    ping = struct.pack(">HHII", 0x8003, 6, 4, 77)
    assert server.receive(ping) == []
    assert bytes(server.outgoing) == ping


def test_a_reset_stream_is_over_for_both() -> None:
    client, server = SpdyClient(), SpdyConnection()
    server.receive(client.open(1, {}))
    assert server.receive(client.reset(1)) == [Ended(1, is_reset=True)]
    server.send(1, b"not read")
    assert server.receive(client.data(1, b"late")) == []
    assert not server.outgoing


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n" * 10, "too long", id="http"),
        pytest.param(struct.pack(">HHI", 0x8002, 1, 0), "not SPDY/3", id="spdy-2"),
        pytest.param(struct.pack(">II", 1, FRAME_LIMIT + 1), "too long", id="huge-frame"),
        pytest.param(struct.pack(">HHI", 0x8003, 1, 4) + b"\0\0\0\1", "too short", id="short-syn-stream"),
        pytest.param(struct.pack(">HHI", 0x8003, 1, 14) + b"\0\0\0\1" + bytes(10), "unpacked", id="no-zlib"),
        pytest.param(SpdyClient().open(2, {}), "cannot be opened", id="even-stream"),
        pytest.param(SpdyClient().open(1, {"a": "b" * 100_000}), "too long", id="header-bomb"),
    ],
)
def test_what_is_no_spdy_ends_the_connection(frame: bytes, text: str) -> None:
    with pytest.raises(SpdyError, match=text):
        received(frame)


def test_a_stream_cannot_be_opened_twice() -> None:
    client = SpdyClient()
    with pytest.raises(SpdyError, match="cannot be opened"):
        received(client.open(1, {}), client.open(1, {}))


def test_too_many_streams_are_refused() -> None:
    client = SpdyClient()
    with pytest.raises(SpdyError, match="too many"):
        received(*(client.open(number, {}) for number in range(1, 5001, 2)))


@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_spdyerror(content: bytes) -> None:
    client, server = SpdyClient(), SpdyConnection()
    server.receive(client.open(1, {}))
    with contextlib.suppress(SpdyError):
        server.receive(content)
