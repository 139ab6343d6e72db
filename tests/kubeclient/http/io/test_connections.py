"""Connections that are kept, ended, cut and led through proxies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
from tests.helpers.loops import settled
from tests.helpers.patience import PATIENCE

from kubeclient.endpoint import endpoint_of
from kubeclient.http.io import connecting
from kubeclient.http.io.connecting import NoWayError, Route, connect
from kubeclient.http.io.connections import Connections, Request
from kubeclient.http.io.tls import make_context
from kubeclient.http.io.wire import BUFFER_BYTES
from kubeclient.kubeconfig.access import NO_PEM
from kubeclient.kubeconfig.access import Server as Access

GET, POST = Request("GET", "/", []), Request("POST", "/", [], b"x")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers ``OK`` to requests; ``ends_after`` of them on a connection it ends, without an answer to the next."""

    def __init__(self, ends_after: int = 1000) -> None:
        self.connections = 0
        self.url = ""
        self._ends_after = ends_after

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            for _ in range(self._ends_after):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)
            await reader.readuntil(b"\r\n\r\n")
        writer.close()


@contextlib.asynccontextmanager
async def served(server: Server) -> AsyncIterator[Connections]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    connections = Connections(Route(endpoint_of(server.url)))
    async with listening:
        with closing(connections):
            yield connections
        await settled()


async def ask(connections: Connections, wanted: Request = GET) -> bytes:
    with closing(await connections.send(wanted, PATIENCE)) as answer:
        return b"".join([each async for each in answer.chunks()])


async def test_a_connection_is_used_again_after_an_answer_that_was_read() -> None:
    server = Server()
    async with served(server) as connections:
        assert [await ask(connections) for _ in range(3)] == [b"ok"] * 3
        assert server.connections == 1
        with closing(await connections.send(GET, PATIENCE)):
            pass
        await ask(connections)
        assert server.connections == 2


async def test_requests_at_a_time_have_connections_of_their_own() -> None:
    server = Server()
    async with served(server) as connections:
        await asyncio.gather(*(ask(connections) for _ in range(3)))
        assert server.connections == 3


async def test_a_connection_by_another_route_is_not_used_again() -> None:
    server = Server()
    async with served(server) as connections:
        await ask(connections)
        connections.route = connections.route._replace(name="another")
        await ask(connections)
        assert server.connections == 2


async def test_a_kept_connection_that_ends_costs_no_get() -> None:
    server = Server(ends_after=1)
    async with served(server) as connections:
        assert [await ask(connections) for _ in range(3)] == [b"ok"] * 3
        assert server.connections == 3


async def test_what_may_have_been_done_is_not_sent_again() -> None:
    server = Server(ends_after=1)
    async with served(server) as connections:
        await ask(connections)
        with pytest.raises(ConnectionResetError, match="before it has answered"):
            await ask(connections, POST)
        assert server.connections == 1


@contextlib.asynccontextmanager
async def said(*content: bytes) -> AsyncIterator[Route]:
    """Have a server that answers each client's first request with some bytes, and cuts the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):  # a client may say nothing
            await reader.readuntil(b"\r\n\r\n")
            for each in content:
                writer.write(each)
                await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Route(endpoint_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    await settled()


async def test_what_has_come_before_a_cut_is_read_even_late() -> None:
    async with said(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n") as route:
        wire = await connect(route)
        wire.transport.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            while not wire.is_over:
                await asyncio.sleep(0.001)
        assert (await wire.read_head(0)).status == 200
        assert await wire.read(0) == b"5\r\nhello\r\n"
        assert await wire.read(0) == b""


async def test_interim_answers_are_read_over() -> None:
    async with said(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK) as route:
        with closing(Connections(route)) as connections:
            assert await ask(connections) == b"ok"


async def test_a_server_waits_for_a_reader_that_is_slow() -> None:
    size = 16 * BUFFER_BYTES
    async with said(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, bytes(size)) as route:
        with closing(Connections(route)) as connections:
            answer, most, total = await connections.send(GET, PATIENCE), 0, 0
            async for each in answer.chunks():
                most, total = max(most, len(each)), total + len(each)
                await asyncio.sleep(0)
            answer.close()
            assert total == size
            assert most < 4 * BUFFER_BYTES


async def test_the_next_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with said(OK) as route:
        loop, port = asyncio.get_running_loop(), route.server.port

        async def both(*_: object, **options: int) -> list[tuple[object, ...]]:
            return [(2, 1, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]

        monkeypatch.setattr(loop, "getaddrinfo", both)
        wire = await connect(route)
        assert wire.transport.get_extra_info("peername") == ("127.0.0.1", port)
        wire.abort()


async def test_a_server_that_does_not_answer_the_handshake_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 0.01)
    async with said() as route:
        tls = make_context(Access("https://api.test", is_insecure=True), NO_PEM, NO_PEM)
        with pytest.raises(NoWayError, match="no answer in time"):
            await connect(route._replace(tls=tls))


async def test_a_proxy_that_refuses_is_said() -> None:
    async with said(b"HTTP/1.1 407 Log in\r\nContent-Length: 0\r\n\r\n") as route:
        with pytest.raises(NoWayError, match="the proxy answers 407 Log in"):
            await connect(Route(endpoint_of("http://api.test"), proxy=route.server), is_lent=True)


async def test_a_name_that_nobody_knows_is_said() -> None:
    with pytest.raises(NoWayError, match="its name cannot be resolved"):
        await connect(Route(endpoint_of("http://a..b")))
