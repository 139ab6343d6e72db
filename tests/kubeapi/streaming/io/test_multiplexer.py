"""Two multiplexers, back to back: what one writes the other receives, at once or when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from kubeapi.streaming.io.multiplexer import GONE, NOT_SPDY, TOO_SLOW, Multiplexer
from kubeapi.streaming.io.timers import PING_SECONDS, PINGS
from kubeapi.streaming.websocket import WebSocketFrames

pytestmark = pytest.mark.looptime
STALL_SECONDS = 4.0


def unmasked(key: bytes, content: bytearray) -> None:
    """Mask by zeros."""
    assert key == bytes(4)


class Wire(asyncio.Transport):
    """A transport to ``peer``. While ``is_held`` nothing arrives there."""

    def __init__(self) -> None:
        super().__init__()
        self.peer: Multiplexer | None = None
        self.is_held = self.is_read = self._is_closing = False
        self.is_read = True

    def write(self, content: bytes | bytearray | memoryview) -> None:
        if self.peer is not None and not self.is_held:
            self.peer.feed(bytes(content))

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True

    abort = close


class Owner:
    """Remembers what becomes of a stream."""

    carries_data = True

    def __init__(self) -> None:
        self.said: list[object] = []
        self.resumes: Callable[[], None] = lambda: None

    def received(self, content: bytes) -> None:
        self.said.append(content)

    def ended(self) -> None:
        self.said.append("end")

    def broken(self, reason: str) -> None:
        self.said.append(("broken", reason))

    def pause(self) -> None:
        self.said.append("pause")

    def resume(self) -> None:
        self.said.append("resume")
        self.resumes()


class Pair:
    """A client and a server; ``accepted`` are the owners of the streams there, ``lost`` why the client is gone."""

    def __init__(self, *, is_framed: bool = False) -> None:
        self.accepted: dict[int, Owner] = {}
        self.lost: list[str] = []
        frames = (WebSocketFrames(unmasked, bytes), WebSocketFrames(unmasked)) if is_framed else (None, None)
        self.client = Multiplexer(frames[0], self.lost.append, stall_seconds=STALL_SECONDS)
        self.server = Multiplexer(frames[1], lambda _: None, self._accept)
        self.upward, self.downward = Wire(), Wire()
        self.upward.peer, self.downward.peer = self.server, self.client
        self.client.connection_made(self.upward)
        self.server.connection_made(self.downward)

    def _accept(self, wire: Multiplexer, stream: int, headers: Mapping[str, str]) -> None:
        if headers == {"no": "thanks"}:
            wire.reset(stream)
        else:
            self.accepted[stream] = Owner()
            wire.accept(stream, self.accepted[stream])

    async def open(self) -> tuple[int, Owner]:
        owner = Owner()
        number = self.client.open({}, owner)
        await turns()
        return number, owner


async def turns() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


@pytest.mark.parametrize("is_framed", [False, True], ids=["raw", "in-a-websocket"])
async def test_bytes_and_ends_of_each_stream_reach_its_owner(is_framed: bool) -> None:
    pair = Pair(is_framed=is_framed)
    first, owner = await pair.open()
    second, other = await pair.open()
    pair.client.send(first, b"one")
    pair.client.send(second, b"two")
    pair.client.end(first)
    await turns()
    pair.server.send(first, b"eno")
    pair.server.end(first)
    pair.server.reset(second)
    await turns()
    assert pair.accepted[first].said == [b"one", "end"]
    assert pair.accepted[second].said == [b"two"]
    assert owner.said == [b"eno", "end"]
    assert other.said == [("broken", "the stream was reset")]


async def test_a_stream_that_is_not_wanted_is_reset() -> None:
    pair = Pair()
    owner = Owner()
    pair.client.open({"no": "thanks"}, owner)
    await turns()
    assert owner.said == [("broken", "the stream was reset")]


async def test_a_full_connection_pauses_the_sources_of_its_streams() -> None:
    pair = Pair()
    _, owner = await pair.open()
    pair.client.pause_writing()
    assert pair.client.is_congested
    _, late = await pair.open()
    pair.client.resume_writing()
    assert (owner.said, late.said) == (["pause", "resume"], ["pause", "resume"])


async def test_sources_pause_again_when_one_fills_the_connection_at_once() -> None:
    pair = Pair()
    first, second = (await pair.open())[1], (await pair.open())[1]
    pair.client.pause_writing()
    first.resumes = pair.client.pause_writing
    pair.client.resume_writing()
    assert pair.client.is_full
    assert (first.said[-1], second.said[-1]) == ("pause", "pause")
    assert "resume" in second.said  # it has its turn all the same: the first would take every one


async def test_a_stalled_stream_stops_reading_until_it_goes_on() -> None:
    pair = Pair()
    number, owner = await pair.open()
    pair.client.stall(number)
    assert not pair.upward.is_read
    await asyncio.sleep(10 * STALL_SECONDS)  # nobody else waits
    pair.client.unstall(number)
    assert (pair.upward.is_read, owner.said) == (True, [])


async def test_a_reader_that_holds_others_up_is_reset() -> None:
    pair = Pair()
    slow, owner = await pair.open()
    _, other = await pair.open()
    pair.client.stall(slow)
    await asyncio.sleep(STALL_SECONDS + 0.1)
    assert owner.said == [("broken", TOO_SLOW)]
    assert (pair.upward.is_read, other.said) == (True, [])


@pytest.mark.parametrize("is_framed", [False, True], ids=["raw", "in-a-websocket"])
async def test_closing_ends_every_stream_on_both_sides(is_framed: bool) -> None:
    pair = Pair(is_framed=is_framed)
    number, owner = await pair.open()
    pair.client.close("enough")
    pair.server.connection_lost(None)
    assert owner.said == [("broken", "enough")]
    assert pair.accepted[number].said == [("broken", GONE)]
    assert (pair.lost, pair.client.takes_streams) == (["enough"], False)


async def test_a_silent_peer_is_asked_and_then_given_up() -> None:
    pair = Pair()
    await pair.open()
    await asyncio.sleep(PING_SECONDS * 5.5)
    assert not pair.upward.is_closing()  # it answers
    pair.downward.is_held = True
    await asyncio.sleep(PING_SECONDS * PINGS)
    assert not pair.upward.is_closing()
    await asyncio.sleep(PING_SECONDS * 2)
    assert pair.upward.is_closing()


async def test_a_peer_that_takes_nothing_is_not_given_up() -> None:
    pair = Pair()
    await pair.open()
    pair.client.pause_writing()
    pair.downward.is_held = True
    await asyncio.sleep(PING_SECONDS * PINGS * 3)
    assert not pair.upward.is_closing()


@pytest.mark.parametrize("is_framed", [False, True], ids=["raw", "in-a-websocket"])
async def test_a_peer_that_sends_something_else_ends_the_connection(is_framed: bool) -> None:
    pair = Pair(is_framed=is_framed)
    _, owner = await pair.open()
    pair.client.feed(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    [(_, reason)] = [each for each in owner.said if isinstance(each, tuple)]
    assert reason.startswith(NOT_SPDY)


async def test_a_server_that_goes_away_gets_no_more_streams() -> None:
    pair = Pair()
    pair.client.feed(b"\x80\x03\x00\x07\x00\x00\x00\x08" + bytes(8))
    assert not pair.client.takes_streams


@pytest.mark.parametrize("first", ["client", "server"])
async def test_an_owner_is_forgotten_once_both_sides_have_ended(first: str) -> None:
    pair = Pair()
    number, owner = await pair.open()
    one, other = (pair.client, pair.server) if first == "client" else (pair.server, pair.client)
    one.end(number)
    await turns()
    assert pair.client._owners and pair.server._owners
    other.end(number)
    await turns()
    assert not pair.client._owners
    assert not pair.server._owners
    assert owner.said == ["end"]
