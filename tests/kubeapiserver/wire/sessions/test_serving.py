from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp import WSMsgType
from tests.helpers.kubeapiserver.server import HEADERS, HOST, FakeCommand, FakeRuntime, served
from tests.helpers.kubeapiserver.spdy import SpdyClient
from tests.helpers.patience import PATIENCE

from kubeapi.meta import ObjectKey
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubeapi.status import InternalError, StatusError
from kubeapiserver.messages import Answer, CommandSession, LogSession, PortForwardSession, Request
from kubeapiserver.streaming.websocket import Resize, exit_status, read_message

WEB = ObjectKey("default", "web")
V5, V4, TUNNEL = "v5.channel.k8s.io", "v4.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"


def command_session(*command: str, has_stdin: bool = False, is_tty: bool = False) -> Callable[[Request], Answer]:
    """Answer every request with a session of a command; without a command it is an attachment."""
    options = PodExecOptions("c", command, has_stdin, is_tty)
    return lambda _: CommandSession(WEB, options, has_stdout=True)


def log_session(*, follow: bool = False, limit_bytes: int | None = None) -> Callable[[Request], Answer]:
    return lambda _: LogSession(WEB, PodLogOptions("c", follow=follow), limit_bytes)


def port_session(*ports: int) -> Callable[[Request], Answer]:
    return lambda _: PortForwardSession(WEB, ports)


async def conversation(socket: aiohttp.ClientWebSocketResponse) -> list[bytes]:
    return [message.data async for message in socket if message.type is WSMsgType.BINARY]


class Echo:
    """A TCP server that answers in capitals; ``address`` is where."""

    async def __aenter__(self) -> tuple[str, int]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while content := await reader.read(1000):
                writer.write(content.upper())
            writer.close()

        self._server = await asyncio.start_server(talk, HOST, 0)
        address: tuple[str, int] = self._server.sockets[0].getsockname()
        return address

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


async def upgraded(port: int, *versions: str) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(HOST, port)
    headers = {"Host": HOST, "Connection": "Upgrade", "Upgrade": "SPDY/3.1", **HEADERS}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"X-Stream-Protocol-Version: {each}" for each in versions]
    writer.write(("POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
    return await reader.readuntil(b"\r\n\r\n"), reader, writer


async def frames(
    client: SpdyClient, reader: asyncio.StreamReader, until: tuple[object, ...]
) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    async with asyncio.timeout(PATIENCE):
        while until not in found:
            content = await reader.read(65536)
            assert content, found
            found += client.read(content)
    return found


@pytest.mark.parametrize(("code", "status"), [(0, "Success"), (3, "Failure")])
async def test_a_command_s_output_comes_by_channel_and_its_status_last(code: int, status: str) -> None:
    command = FakeCommand(("stdout", b"out"), ("stderr", b"err"), code=code)
    async with (
        served(command_session("ls", "-l"), runtime=FakeRuntime(command)) as door,
        door.client.ws_connect("/", protocols=(V5, V4)) as wire,
    ):
        *output, last = await conversation(wire)
        assert wire.protocol == V5
        assert output == [b"\x01out", b"\x02err"]
        assert (last[0], json.loads(last[1:])) == (3, exit_status(code))
        assert json.loads(last[1:])["status"] == status
        assert wire.close_code == 1000
        await asyncio.wait_for(command.closed.wait(), PATIENCE)


@pytest.mark.parametrize(
    ("code", "said"), [(0, []), (3, [b"\x03command terminated with non-zero exit code: exit status 3"])]
)
async def test_the_first_protocol_tells_failures_alone_and_as_text(code: int, said: list[bytes]) -> None:
    command = FakeCommand(("stdout", b"out"), code=code)
    async with (
        served(command_session("ls"), runtime=FakeRuntime(command)) as door,
        door.client.ws_connect("/", protocols=("channel.k8s.io",)) as wire,
    ):
        assert await conversation(wire) == [b"\x01out", *said]


async def test_input_its_end_and_the_terminal_s_size_reach_the_command() -> None:
    command = FakeCommand(is_echo=True)
    runtime = FakeRuntime(command)
    async with (
        served(command_session("cat", has_stdin=True, is_tty=True), runtime=runtime) as door,
        door.client.ws_connect("/", protocols=(V5,)) as wire,
    ):
        for message in (b'\x04{"Width":111,"Height":33}\n', b"\x00hello", b"\x04nonsense", b"", b"\xff\x00"):
            await wire.send_bytes(message)
        [output, _] = await conversation(wire)
    assert (output, bytes(command.given), command.sizes) == (b"\x01hello", b"hello", [(111, 33)])
    assert runtime.asked == [("default", "web", "c", ("cat",), True, True)]


async def test_a_client_that_goes_away_ends_its_command() -> None:
    command = FakeCommand(is_echo=True)
    async with served(command_session("cat", has_stdin=True), runtime=FakeRuntime(command)) as door:
        async with door.client.ws_connect("/", protocols=(V4,)) as wire:
            await wire.send_bytes(b"\x00x")
            await wire.receive()
        await asyncio.wait_for(command.closed.wait(), PATIENCE)


async def test_closing_the_server_cuts_sessions() -> None:
    command = FakeCommand(is_echo=True)
    async with (
        served(command_session(has_stdin=True), runtime=FakeRuntime(command)) as door,
        door.client.ws_connect("/", protocols=(V4,)) as wire,
    ):
        await door.listener.close()
        assert (await wire.receive()).type in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
        assert command.closed.is_set()


async def test_a_command_that_cannot_be_started_is_told_of_in_the_session() -> None:
    runtime = FakeRuntime(InternalError("no such file"))
    async with (
        served(command_session("ls"), runtime=runtime) as door,
        door.client.ws_connect("/", protocols=(V5,)) as wire,
    ):
        [last] = await conversation(wire)
        assert json.loads(last[1:])["message"] == "Internal error occurred: no such file"


@pytest.mark.parametrize(
    ("refusal", "headers", "code"),
    [
        pytest.param(StatusError(404, "NotFound", "gone"), {"Upgrade": "websocket"}, 404, id="no-such-container"),
        pytest.param(None, {}, 400, id="no-upgrade"),
        pytest.param(None, {"Upgrade": "h2c"}, 400, id="other-upgrade"),
        pytest.param(None, {"Upgrade": "websocket", "Sec-WebSocket-Protocol": "chat"}, 400, id="other-protocol"),
        pytest.param(None, {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v1"}, 403, id="old-spdy"),
    ],
)
async def test_what_can_be_refused_before_the_upgrade_is(
    refusal: StatusError | None, headers: dict[str, str], code: int
) -> None:
    async with (
        served(command_session("ls"), runtime=FakeRuntime(refusal)) as door,
        door.client.get("/", headers={"Connection": "Upgrade", **headers}) as answer,
    ):
        assert (answer.status, (await answer.json())["code"]) == (code, code)


async def test_a_log_is_text_and_may_be_cut() -> None:
    async with served(log_session()) as door, door.client.get("/") as answer:
        assert (await answer.read(), answer.content_type) == (b"one\ntwo\n", "text/plain")
    async with served(log_session(limit_bytes=5)) as door, door.client.get("/") as answer:
        assert await answer.read() == b"one\nt"


@pytest.mark.parametrize(
    ("protocols", "spoken", "messages"),
    [
        ((), None, [b"", b"one\n", b"two"]),
        (("binary.k8s.io",), "binary.k8s.io", [b"", b"one\n", b"two"]),
        (("base64.binary.k8s.io",), "base64.binary.k8s.io", ["", "b25lCg==", "dHdv"]),
    ],
)
async def test_a_log_comes_as_messages_where_a_client_asks_for_a_websocket(
    protocols: tuple[str, ...], spoken: str | None, messages: list[bytes | str]
) -> None:
    async with (
        served(log_session(limit_bytes=7)) as door,
        door.client.ws_connect("/", protocols=protocols) as wire,
    ):
        assert [message.data async for message in wire] == messages
        assert (wire.protocol, wire.close_code) == (spoken, 1000)


@pytest.mark.parametrize("is_socket", [False, True])
async def test_a_followed_log_ends_with_its_reader(is_socket: bool) -> None:
    async with served(log_session(follow=True)) as door:
        if is_socket:
            async with door.client.ws_connect("/") as wire:
                assert [await wire.receive_bytes() for _ in range(3)] == [b"", b"one\n", b"two\n"]
        else:
            answer = await door.client.get("/")
            assert await answer.content.readexactly(8) == b"one\ntwo\n"
            answer.close()
        async with asyncio.timeout(PATIENCE):
            while door.listener.sessions().count:
                await asyncio.sleep(0.001)


async def test_exec_over_spdy_has_a_stream_for_each_thing() -> None:
    command = FakeCommand(is_echo=True, code=3)
    async with served(command_session("cat", has_stdin=True), runtime=FakeRuntime(command)) as door:
        head, reader, writer = await upgraded(door.port, V4, "v3.channel.k8s.io")
        assert b"101 Switching Protocols" in head
        assert f"X-Stream-Protocol-Version: {V4}".encode() in head
        client = SpdyClient()
        for stream, kind in ((1, "error"), (3, "stdin"), (5, "stdout")):
            writer.write(client.open(stream, {"streamtype": kind}))
        writer.write(client.data(3, b"hello", is_finished=True))
        found = await frames(client, reader, ("end", 5))
        assert ("data", 5, b"hello") in found
        [status] = [each[2] for each in found if each[:2] == ("data", 1)]
        assert json.loads(status) == exit_status(3)  # type: ignore[arg-type]  # bytes
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("is_tunnelled", [False, True], ids=["spdy", "spdy-in-websocket"])
async def test_port_forward_carries_connections_side_by_side(is_tunnelled: bool) -> None:
    async with Echo() as address, served(port_session(), runtime=FakeRuntime(address=address)) as door:
        client = SpdyClient()
        opening = b""
        for request, first in (("0", 1), ("1", 5)):
            headers = {"port": "80", "requestid": request}
            opening += client.open(first, {"streamtype": "error", **headers}, is_finished=True)
            opening += client.open(first + 2, {"streamtype": "data", **headers})
        opening += client.data(7, b"second", is_finished=True) + client.data(3, b"first", is_finished=True)
        if is_tunnelled:
            async with door.client.ws_connect("/", protocols=(TUNNEL,)) as wire:
                await wire.send_bytes(opening[:7])
                await wire.send_bytes(opening[7:])
                found: list[tuple[object, ...]] = []
                async with asyncio.timeout(PATIENCE):
                    while not {("end", 3), ("end", 7), ("end", 1), ("end", 5)} <= set(found):
                        found += client.read(await wire.receive_bytes())
        else:
            _, reader, writer = await upgraded(door.port, "portforward.k8s.io")
            writer.write(opening)
            found = await frames(client, reader, ("end", 3))
            if ("end", 7) not in found:
                found += await frames(client, reader, ("end", 7))
            writer.close()
            await writer.wait_closed()
        assert {("data", 3, b"FIRST"), ("data", 7, b"SECOND")} <= set(found)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


async def test_a_port_without_a_listener_is_reported_on_the_error_stream() -> None:
    runtime = FakeRuntime(address=(HOST, free_port()))
    async with served(port_session(), runtime=runtime) as door:
        _, reader, writer = await upgraded(door.port, "portforward.k8s.io")
        client = SpdyClient()
        headers = {"port": "99", "requestid": "0"}
        writer.write(client.open(1, {"streamtype": "error", **headers}, is_finished=True))
        writer.write(client.open(3, {"streamtype": "data", **headers}))
        found = await frames(client, reader, ("end", 1))
        [text] = [each[2] for each in found if each[:2] == ("data", 1)]
        assert b"error forwarding port 99 to pod web, uid : " in text  # type: ignore[operator]  # bytes
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("protocols", [(V5, V4), ()], ids=["python-client", "kr8s"])
async def test_port_forward_over_channels_begins_with_the_ports(protocols: tuple[str, ...]) -> None:
    async with (
        Echo() as address,
        served(port_session(80), runtime=FakeRuntime(address=address)) as door,
        door.client.ws_connect("/", protocols=protocols) as wire,
    ):
        assert wire.protocol == (V4 if protocols else None)
        assert [await wire.receive_bytes() for _ in range(2)] == [b"\x00\x50\x00", b"\x01\x50\x00"]
        await wire.send_bytes(b"\x00hello")
        assert await wire.receive_bytes() == b"\x00HELLO"


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        (b'\x04{"Width":1,"Height":2}', Resize(1, 2)),
        (b'\x04{"Width":-1,"Height":2}', None),
        (b'\x04{"Width":"1","Height":2}', None),
        (b"\x04[]", None),
        (b"\x09x", None),
        (b"\x00", None),
        (b"\xff\x01", None),
    ],
)
def test_messages_that_mean_nothing_are_passed_over(message: bytes, meaning: Resize | None) -> None:
    assert read_message(message) == meaning
