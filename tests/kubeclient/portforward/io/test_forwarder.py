"""Forwarded connections: over kubesvc's own API server, and over servers that misbehave."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from tests.helpers.kubeapiserver.server import HOST, Door, FakeRuntime, served
from tests.helpers.kubeclient.forwarding import WEB, echo, forwarding, listening
from tests.helpers.patience import PATIENCE

from kubeapi.status import StatusError
from kubeapiserver.messages import Answer, PortForwardSession, Request
from kubeclient.portforward.io import forwarder
from kubeclient.portforward.plan import MOST

MIB = 1024 * 1024


def session(_: Request) -> Answer:
    return PortForwardSession(WEB, ())


def session_by_spdy(request: Request) -> Answer:
    """Refuse WebSockets, as API servers of before 1.30 do."""
    if request.method != "POST":
        raise StatusError(405, "MethodNotAllowed", "no WebSocket here")
    return PortForwardSession(WEB, ())


async def until_sessions(door: Door, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while door.listener.sessions().count != count:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("handle", [session, session_by_spdy], ids=["websocket", "spdy"])
async def test_bytes_and_ends_travel_both_ways(handle: object, tmp_path: Path) -> None:
    async with (
        listening(echo) as address,
        served(handle, runtime=FakeRuntime(address=address)) as door,  # type: ignore[arg-type]
        forwarding(door.port, tmp_path) as one,
    ):
        content = bytes(range(97, 123)) * (MIB // 13)
        answers = await asyncio.gather(*map(one.ask, (content, b"two", b"")))
        assert answers == [content.upper(), b"TWO", b""]
        assert one.reported[-1] == ""


async def test_many_connections_share_few_to_the_api_server(tmp_path: Path) -> None:
    async with (
        listening(echo) as address,
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        opened = [await one.open() for _ in range(50)]
        for index, (reader, writer) in enumerate(opened):
            writer.write(b"x%d" % index)
            assert await reader.readexactly(len(b"x%d" % index)) == b"X%d" % index
        assert 1 <= door.listener.sessions().count <= MOST
        for _, writer in opened:
            writer.close()


async def test_a_port_at_which_nothing_listens_resets_the_client_and_is_no_problem_of_the_api(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as bound:
        address = bound.getsockname()
    async with (
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        with pytest.raises(ConnectionResetError):
            await one.ask(b"hello")
        assert one.reported == [""]


async def test_a_pod_that_resets_resets_the_client_and_the_next_is_served(tmp_path: Path) -> None:
    is_first = True

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal is_first
        if not is_first:
            await echo(reader, writer)
            return
        is_first = False
        await reader.read(10)
        writer.write(b"half an ans")
        await writer.drain()
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with (
        listening(talk) as address,
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        with pytest.raises(ConnectionResetError):
            await one.ask(b"hello")
        assert await one.ask(b"hello") == b"HELLO"


@pytest.mark.parametrize("gone", ["api-server", "pod"])
async def test_connections_are_reset_at_once_when_the_api_server_or_the_pod_goes(gone: str, tmp_path: Path) -> None:
    async with (
        listening(echo) as address,
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        reader, writer = await one.open()
        writer.write(b"x")
        assert await reader.readexactly(1) == b"X"
        if gone == "pod":
            one.forwarder.end()
        else:
            await door.listener.sessions().close()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        if gone == "api-server":
            assert await one.ask(b"again") == b"AGAIN"
        await until_sessions(door, 0 if gone == "pod" else 1)


async def test_connections_to_the_api_server_end_when_they_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "IDLE_SECONDS", 0.0)
    async with (
        listening(echo) as address,
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        assert await one.ask(b"one") == b"ONE"
        await until_sessions(door, 0)
        assert await one.ask(b"two") == b"TWO"


async def test_a_client_that_does_not_read_stops_its_pod_and_nobody_else(tmp_path: Path) -> None:
    is_stopped = asyncio.Event()
    said = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        if await reader.readexactly(1) != b"!":
            await echo(reader, writer)
            return
        while not is_stopped.is_set():
            writer.write(bytes(MIB // 4))
            said += 1
            try:
                await asyncio.wait_for(writer.drain(), 0.5)
            except TimeoutError:
                is_stopped.set()
        writer.transport.abort()

    async with (
        listening(talk) as address,
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        _, writer = await one.open()
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # is a ReadTransport
        writer.write(b"!")
        await asyncio.wait_for(is_stopped.wait(), PATIENCE)
        assert said < 200
        assert await one.ask(b".hello") == b"HELLO"
        writer.transport.abort()


async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = b'{"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no pods/portforward"}'
    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    writer.close()


async def cuts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Upgrade to SPDY, and then speak something else."""
    if (await reader.readuntil(b"\r\n\r\n")).startswith(b"POST"):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n")
        writer.write(b"X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\nHello, who is there?\r\n")
        await reader.read()
    writer.close()


async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.mark.parametrize(
    ("talk", "text"),
    [
        pytest.param(refuses, "no pods/portforward", id="refuses"),
        pytest.param(cuts, "", id="cuts"),
        pytest.param(is_silent, "", id="never-answers"),
        pytest.param(babbles, "does not speak the protocol", id="speaks-something-else"),
    ],
)
async def test_a_server_that_misbehaves_costs_the_client_its_connection_and_is_told_of(
    talk: object, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if talk is is_silent:
        monkeypatch.setattr(forwarder, "OPEN_SECONDS", 0.1)
    async with listening(talk) as address, forwarding(address[1], tmp_path) as one:  # type: ignore[arg-type]
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await one.ask(b"hello")
        assert one.reported[-1] != ""
        assert text in one.reported[-1]
