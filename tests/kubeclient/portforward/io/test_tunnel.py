"""Forwarded connections without sockets: over kubesvc's own API server, read by the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.helpers.kubeapiserver.server import FakeRuntime, served
from tests.helpers.kubeclient.forwarding import PORT, WEB, Forwarding, Talk, echo, forwarding, listening
from tests.helpers.patience import PATIENCE

from kubeapi.streaming.owner import BACKLOG_HIGH
from kubeapiserver.messages import Answer, PortForwardSession, Request
from kubeclient.portforward.io.tunnel import EARLY_BYTES, Tunnel

MIB = 1024 * 1024


def session(_: Request) -> Answer:
    return PortForwardSession(WEB, ())


class Reading:
    """A tunnel and what it has told, in their order."""

    def __init__(self, forwarding: Forwarding) -> None:
        self.heard = bytearray()
        self.has_ended = self.is_reset = False
        self.rooms = 0
        self.tunnel = Tunnel(forwarding.forwarder, PORT, self)

    def on_bytes(self, content: bytes) -> None:
        assert not self.has_ended
        self.heard += content

    def on_end(self) -> None:
        self.has_ended = True

    def on_room(self) -> None:
        self.rooms += 1

    def on_reset(self) -> None:
        self.is_reset = True

    async def say(self, content: bytes) -> None:
        """Have the tunnel take all of it."""
        while content := content[self.tunnel.send(content) :]:
            rooms = self.rooms
            await until(lambda rooms=rooms: self.rooms > rooms)  # type: ignore[misc]


async def until(condition: Callable[[], object]) -> None:
    """Return when it holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def pod(talk: Talk, folder: Path) -> AsyncIterator[Forwarding]:
    """Yield a way to a pod that talks like that."""
    async with (
        listening(talk) as address,
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, folder) as one,
    ):
        yield one


async def test_bytes_and_ends_travel_both_ways_from_before_there_is_a_connection_on(tmp_path: Path) -> None:
    content = bytes(range(97, 123)) * (MIB // 13)
    async with pod(echo, tmp_path) as one:
        reading = Reading(one)
        assert reading.tunnel.send(content) == EARLY_BYTES
        await reading.say(content[EARLY_BYTES:])
        reading.tunnel.shut()
        await until(lambda: reading.has_ended)
        assert reading.heard == content.upper()
        assert one.forwarder.forwarded == 1
        reading.tunnel.close(is_reset=False)
        assert one.forwarder.forwarded == 0


async def test_a_connection_that_is_shut_before_it_begins_is_answered(tmp_path: Path) -> None:
    async with pod(echo, tmp_path) as one:
        reading = Reading(one)
        reading.tunnel.send(b"hello")
        reading.tunnel.shut()
        await until(lambda: reading.has_ended)
        assert reading.heard == b"HELLO"


@pytest.mark.parametrize(("is_reset", "learnt"), [(True, "reset"), (False, "end")])
async def test_a_pod_learns_how_its_client_has_gone(is_reset: bool, learnt: str, tmp_path: Path) -> None:
    ends: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1))
        try:
            assert await reader.read() == b""
            ends.append("end")
        except ConnectionResetError:
            ends.append("reset")
        writer.close()

    async with pod(talk, tmp_path) as one:
        reading = Reading(one)
        reading.tunnel.send(b".")
        await until(lambda: reading.heard == b".")
        reading.tunnel.close(is_reset=is_reset)
        await until(lambda: ends == [learnt])


async def test_what_is_not_wanted_is_kept_and_then_stalls_the_pod_but_not_another(tmp_path: Path) -> None:
    said = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        if await reader.readexactly(1) == b"!":
            for _ in range(64):
                writer.write(bytes(MIB // 4))
                said += MIB // 4
                await writer.drain()
        writer.write(b"done")
        writer.close()

    async with pod(talk, tmp_path) as one:
        slow, quick = Reading(one), Reading(one)
        slow.tunnel.read(False)
        slow.tunnel.send(b"!")
        await until(lambda: len(slow.tunnel._kept) >= BACKLOG_HIGH)
        assert slow.heard == b""
        quick.tunnel.send(b"?")
        slow.tunnel.read(True)
        await until(lambda: slow.has_ended and quick.has_ended)
        assert quick.heard == b"done"
        assert slow.heard == bytes(16 * MIB) + b"done"


async def test_an_end_that_is_not_wanted_is_told_when_it_is(tmp_path: Path) -> None:
    async with pod(echo, tmp_path) as one:
        reading = Reading(one)
        reading.tunnel.read(False)
        reading.tunnel.send(b"hello")
        reading.tunnel.shut()
        await until(lambda: reading.tunnel._has_ended)
        assert (bytes(reading.heard), reading.has_ended) == (b"", False)
        reading.tunnel.read(True)
        assert (bytes(reading.heard), reading.has_ended) == (b"HELLO", True)


async def test_a_pod_that_has_ended_takes_no_more_bytes(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with pod(talk, tmp_path) as one:
        reading = Reading(one)
        reading.tunnel.send(b"?")
        await until(lambda: reading.has_ended and reading.tunnel._errors.has_ended)
        with pytest.raises(BrokenPipeError):
            reading.tunnel.send(b"more")


async def test_a_port_at_which_nothing_listens_resets(tmp_path: Path) -> None:
    async with (
        served(session, runtime=FakeRuntime(address=("127.0.0.1", 1))) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        reading = Reading(one)
        reading.tunnel.send(b"?")
        await until(lambda: reading.is_reset)
        assert one.forwarder.forwarded == 0


@pytest.mark.parametrize("gone", ["api-server", "pod", "before-it-began"])
async def test_a_tunnel_is_reset_when_the_api_server_or_the_pod_goes(gone: str, tmp_path: Path) -> None:
    async with (
        listening(echo) as address,
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        reading = Reading(one)
        if gone != "before-it-began":
            reading.tunnel.send(b"x")
            await until(lambda: reading.heard == b"X")
        if gone == "api-server":
            await door.listener.sessions().close()
        else:
            one.forwarder.end()
        await until(lambda: reading.is_reset)
        reading.tunnel.close(is_reset=True)


async def ask(one: Forwarding) -> None:
    """Say something and hear the answer, in a tunnel of its own."""
    reading = Reading(one)
    reading.tunnel.send(b"hello")
    reading.tunnel.shut()
    await until(lambda: reading.has_ended)
    assert reading.heard == b"HELLO"
    reading.tunnel.close(is_reset=False)


async def test_many_tunnels_leave_nothing_behind_on_their_connection(tmp_path: Path) -> None:
    async with pod(echo, tmp_path) as one:
        for _ in range(20):
            await ask(one)
        (wire,) = one.forwarder._wires
        await until(lambda: not wire._owners)
