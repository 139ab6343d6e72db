from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.kubeapiserver.spdy import SpdyClient

from kubeapi.streaming.headerblocks import DICTIONARY, SpdyError
from kubeapi.streaming.spdy import (
    FRAME_LIMIT,
    STREAM_LIMIT,
    Ended,
    Event,
    GoingAway,
    Opened,
    Pong,
    Received,
    SpdyConnection,
)


def received(*frames: bytes) -> list[Event]:
    return SpdyConnection().receive(b"".join(frames))


def outgoing(side: SpdyConnection) -> bytes:
    return b"".join(side.take())


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
    assert events == [Opened(1, {"a": "b"}), Received(1, b"x"), Received(1, b"y"), Received(1, b"z")]


def test_what_we_send_is_what_a_client_reads() -> None:
    client, server = SpdyClient(), SpdyConnection()
    server.receive(client.open(1, {}))
    server.accept(1)
    server.send(1, b"out")
    server.end(1)
    server.send(1, b"too late")
    assert client.read(outgoing(server)) == [("reply", 1), ("data", 1, b"out"), ("end", 1)]


def test_a_ping_is_echoed() -> None:
    server = SpdyConnection()
    ping = struct.pack(">HHII", 0x8003, 6, 4, 77)
    assert server.receive(ping) == []
    assert outgoing(server) == ping


def test_a_reset_stream_is_over_for_both() -> None:
    client, server = SpdyClient(), SpdyConnection()
    server.receive(client.open(1, {}))
    assert server.receive(client.reset(1)) == [Ended(1, is_reset=True)]
    server.send(1, b"not read")
    assert server.receive(client.data(1, b"late")) == []
    assert outgoing(server) == b""


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


def test_a_stream_too_many_is_refused_and_the_others_go_on() -> None:
    client, server = SpdyConnection(is_client=True), SpdyConnection()
    first, *_, refused = (client.open({}) for _ in range(STREAM_LIMIT + 1))
    assert len(server.receive(outgoing(client))) == STREAM_LIMIT
    assert client.receive(outgoing(server)) == [Ended(refused, is_reset=True)]
    client.send(first, b"hello")
    client.send(refused, b"lost")
    assert server.receive(outgoing(client)) == [Received(first, b"hello")]
    server.end(first)
    client.end(first)
    server.receive(outgoing(client))
    late = client.open({})
    assert server.receive(outgoing(client)) == [Opened(late, {})]


@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_spdyerror(content: bytes) -> None:
    client, server = SpdyClient(), SpdyConnection()
    server.receive(client.open(1, {}))
    with contextlib.suppress(SpdyError):
        server.receive(content)


def test_a_client_opens_what_a_server_reads() -> None:
    client, server = SpdyConnection(is_client=True), SpdyConnection()
    assert client.open({"streamtype": "error"}) == 1
    client.end(1)
    assert client.open({"streamtype": "data"}) == 3
    client.send(3, b"hello")
    assert server.receive(outgoing(client)) == [
        Opened(1, {"streamtype": "error"}),
        Ended(1),
        Opened(3, {"streamtype": "data"}),
        Received(3, b"hello"),
    ]
    server.accept(1)
    server.accept(3)
    server.send(3, b"world")
    server.end(3)
    server.reset(1)
    assert client.receive(outgoing(server)) == [Received(3, b"world"), Ended(3), Ended(1, is_reset=True)]


def test_a_ping_of_ours_is_answered_and_not_echoed() -> None:
    client, server = SpdyConnection(is_client=True), SpdyConnection()
    client.ping()
    assert server.receive(outgoing(client)) == []
    assert client.receive(outgoing(server)) == [Pong()]
    assert outgoing(client) == b""


def test_a_server_that_goes_away_says_so() -> None:
    client = SpdyConnection(is_client=True)
    assert client.receive(struct.pack(">HHIII", 0x8003, 7, 8, 0, 0)) == [GoingAway()]


def test_a_connection_has_an_end_of_its_numbers() -> None:
    client = SpdyConnection(is_client=True)
    client._next_stream = 2**31 - 3
    assert client.open({}) == 2**31 - 3
    assert not client.is_exhausted
    assert client.open({}) == 2**31 - 1
    assert client.is_exhausted


def test_a_long_frame_is_given_on_as_it_comes() -> None:
    client, server = SpdyConnection(is_client=True), SpdyConnection()
    client.open({})
    server.receive(outgoing(client))
    client.send(1, bytes(100_000))
    client.end(1)
    whole = outgoing(client)
    assert server.receive(whole[:60_000]) == [Received(1, bytes(60_000 - 8))]
    assert server.receive(whole[60_000:]) == [Received(1, bytes(40_008)), Ended(1)]


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.one_of(st.binary(max_size=40), st.none())), max_size=25)


@settings(max_examples=100)
@given(STEPS, st.integers(1, 30))
def test_both_roles_agree_on_every_stream_however_the_bytes_are_cut(
    steps: list[tuple[bool, int, bytes | None]], size: int
) -> None:
    sides = SpdyConnection(is_client=True), SpdyConnection()
    streams = [sides[0].open({"index": str(index)}) for index in range(4)]
    sent: dict[tuple[int, int], bytes] = {}
    found: dict[tuple[int, int], bytes] = {}
    ended: tuple[set[int], set[int]] = (set(), set())
    seen: tuple[set[int], set[int]] = (set(), set())

    def carry(side: int) -> None:
        content = outgoing(sides[side])
        for start in range(0, len(content), size):
            for event in sides[1 - side].receive(content[start : start + size]):
                if isinstance(event, Received):
                    found[side, event.stream] = found.get((side, event.stream), b"") + event.content
                elif isinstance(event, Ended):
                    seen[side].add(event.stream)

    carry(0)
    for is_server, index, content in steps:
        side, stream = int(is_server), streams[index]
        if content is None:
            sides[side].end(stream)
            ended[side].add(stream)
        else:
            sides[side].send(stream, content)
            if stream not in ended[side] and content:
                sent[side, stream] = sent.get((side, stream), b"") + content
        carry(side)
    assert (found, seen) == (sent, ended)
