"""Stories of requests over real sockets: how they are spread, framed, kept alive and passed on."""

from __future__ import annotations

import asyncio

import pytest
from tests.helpers.kubeproxy.http import GET, OK, PORT, WEB, A, B, Pod, endpoint, http_front, until
from tests.helpers.patience import PATIENCE

from kubeproxy.types import ServicePort
from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.retries import is_repeatable


async def test_the_requests_of_one_connection_are_spread_over_the_endpoints() -> None:
    async with Pod(A).running() as a, Pod(B).running() as b, http_front(A, B) as running:
        talk = await running.connect()
        bodies = []
        for _ in range(6):
            await talk.send(GET)
            bodies.append((await talk.answer()).body.decode())
        assert bodies == [A, B] * 3
        assert (a.connections, b.connections) == (1, 1)
        counted = running.front.shared.counters.ports[WEB]
        assert [counted[f"{each}:{PORT}"].connections for each in (A, B)] == [3, 3]


async def test_clients_share_the_connections_to_an_endpoint_and_the_pod_is_told_whose_request_it_is() -> None:
    async with Pod(A).running() as pod, http_front(A) as running:
        for _ in range(3):
            assert (await running.ask()).status == 200
        assert pod.connections == 1
        assert all(b"\r\nX-Forwarded-For: 127.0.0.1\r\n" in head for head in pod.heads)


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def slow_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /0 "):
            await others.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + head[4:6])

    others = asyncio.Event()
    async with endpoint(A, slow_first), http_front(A) as running:
        talk = await running.connect()
        await talk.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(5)))
        await until(lambda: len(running.recent.records()) == 1)
        others.set()
        assert [(await talk.answer()).body for _ in range(5)] == [b"/%d" % number for number in range(5)]


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param(b"Content-Length: 5\r\n", b"hello", id="length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", b"5;x=1\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", id="chunked"),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_bodies_reach_the_endpoint_as_they_are_however_they_arrive(fields: bytes, body: bytes, step: int) -> None:
    async with Pod(A).running() as pod, http_front(A) as running:
        talk = await running.connect()
        wire = (b"POST / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body) * 2
        for position in range(0, len(wire), step):
            await talk.send(wire[position : position + step])
        assert [(await talk.answer()).status for _ in range(2)] == [200, 200]
        assert pod.bodies == [body, body]


async def test_a_chunked_answer_keeps_its_chunks_and_trailers_and_its_connection() -> None:
    chunks = b"5;x=1\r\nhello\r\n3\r\n, w\r\n0\r\nX-Sum: 1\r\n\r\n"
    async with Pod(A, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks).running() as pod:
        async with http_front(A) as running:
            talk = await running.connect()
            for _ in range(2):
                await talk.send(GET)
                head = await talk.line_end(b"\r\n\r\n")
                assert b"\r\nTransfer-Encoding: chunked\r\n" in head
                assert await talk.exactly(len(chunks)) == chunks
        assert pod.connections == 1


async def test_a_client_of_http_1_0_gets_a_chunked_answer_without_chunks() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
    async with Pod(A, chunked).running(), http_front(A) as running:
        talk = await running.connect()
        await talk.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head, _, body = (await talk.until_end()).partition(b"\r\n\r\n")
        assert body == b"hello!"
        assert b"Transfer-Encoding" not in head
        assert b"\r\nConnection: close" in head


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhello")

    async with endpoint(A, pour), http_front(A) as running:
        reply = await running.ask()
        assert (reply.body, reply.field("connection")) == (b"hello", "close")
        assert running.last_record().outcome == "closed"


@pytest.mark.parametrize(
    ("request_", "answer", "is_head"),
    [
        pytest.param(GET.replace(b"GET", b"HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", True, id="head"),
        pytest.param(GET, b"HTTP/1.1 204 No Content\r\n\r\n", False, id="204"),
        pytest.param(GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", False, id="304"),
    ],
)
async def test_answers_without_a_body_keep_the_connection(request_: bytes, answer: bytes, is_head: bool) -> None:
    async with Pod(A, answer).running() as pod, http_front(A) as running:
        talk = await running.connect()
        for _ in range(3):
            await talk.send(request_)
            await talk.answer(is_head=is_head)
        assert pod.connections == 1


async def test_a_client_that_expects_100_gets_it_from_the_endpoint() -> None:
    async def ask_for_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nExpect: 100-continue\r\n" in head
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + await reader.readexactly(5))

    async with endpoint(A, ask_for_more), http_front(A) as running:
        talk = await running.connect()
        await talk.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert (await talk.answer()).status == 100
        await talk.send(b"hello")
        assert (await talk.answer()).body == b"hello"


async def test_interim_answers_are_passed_on_but_not_to_http_1_0() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    async with Pod(A, answer).running(), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        assert [(await talk.answer()).status for _ in range(2)] == [103, 200]
        assert (await running.ask(b"GET / HTTP/1.0\r\n\r\n")).status == 200


async def test_a_websocket_becomes_a_tunnel_with_half_close_both_ways() -> None:
    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" in head
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi ")
        writer.write(await reader.read())

    async with endpoint(A, switch), http_front(A) as running:
        talk = await running.connect()
        await talk.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly ")
        assert (await talk.answer()).status == 101
        await talk.send(b"\x00\xff" * 100_000)
        talk.end()
        assert await talk.until_end() == b"hi early " + b"\x00\xff" * 100_000
        await until(lambda: not running.front.connections)
        record = running.last_record()
        assert (record.status, record.outcome) == (101, "closed")


async def test_a_tunnel_passes_a_reset_on_and_ends_when_it_is_silent() -> None:
    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        if await reader.read():
            writer.transport.abort()

    async with endpoint(A, switch), http_front(A) as running:
        for end in (lambda: running.pass_time(3601), None):
            talk = await running.connect()
            await talk.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
            assert (await talk.answer()).status == 101
            if end is not None:
                end()
            else:
                await talk.send(b"x")
                talk.end()
            with pytest.raises(ConnectionResetError):
                if not await talk.receive() and end is None:
                    raise ConnectionResetError


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", id="1.1"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", id="1.0"),
    ],
)
async def test_a_client_that_keeps_no_connection_is_let_go_and_the_endpoints_connection_is_kept(
    request_: bytes,
) -> None:
    async with Pod(A).running() as pod, http_front(A) as running:
        for _ in range(2):
            talk = await running.connect()
            await talk.send(request_)
            assert (await talk.answer()).field("connection") == "close"
            assert await talk.until_end() == b""
        assert pod.connections == 1


async def test_a_client_of_http_1_0_may_keep_its_connection() -> None:
    async with Pod(A).running(), http_front(A) as running:
        talk = await running.connect()
        for _ in range(2):
            await talk.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (await talk.answer()).field("connection") == "keep-alive"


async def test_large_bodies_stream_both_ways_at_once() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        while left:
            chunk = await reader.read(min(65536, left))
            left -= len(chunk)
            writer.write(chunk)
            await writer.drain()

    size, block = 8_000_000, bytes(range(256)) * 4
    async with endpoint(A, echo), http_front(A) as running:
        talk = await running.connect()
        async with asyncio.TaskGroup() as tasks:
            whole = (block * (size // len(block) + 1))[:size]
            tasks.create_task(talk.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + whole))
            reply = await talk.answer()
        assert reply.body == whole


async def test_the_endpoint_is_named_where_that_is_asked_for() -> None:
    async with Pod(A).running(), http_front(A) as running:
        assert (await running.ask()).field("x-kubesvc-endpoint") is None
        running.front.update(WEB, [f"{A}:{PORT}"], ServicePort(WEB, ("", 0), (), PORT, shows_endpoint=True))
        assert (await running.ask()).field("x-kubesvc-endpoint") == f"{A}:{PORT}"


async def test_every_request_leaves_a_record() -> None:
    async with Pod(A).running(), http_front(A) as running:
        await running.ask(b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        record = running.last_record()
        assert record.choice is not None
        assert (record.protocol, record.method, record.target, record.status) == ("http", "POST", "/a?b", 200)
        assert (record.choice.endpoint.ip, record.outcome, record.failures) == (A, "closed", ())
        assert record.bytes_to_endpoint > 100
        assert record.bytes_to_client > 40


async def test_connections_to_an_endpoint_that_is_not_usable_any_more_are_not_used_again() -> None:
    async with Pod(A).running() as a, Pod(B).running() as b, http_front(A, B) as running:
        running.front.update(WEB, [f"{A}:{PORT}", f"{B}:{PORT}"])
        talk = await running.connect()
        for _ in range(2):
            await talk.send(GET)
            await talk.answer()
        del running.turns.endpoints[0]
        running.front.update(WEB, [f"{B}:{PORT}"])
        assert running.front.idle_upstreams() == 1
        await talk.send(GET)
        assert (await talk.answer()).body.decode() == B
        assert (a.connections, b.connections) == (1, 1)


async def test_idle_connections_are_bounded_and_expire() -> None:
    gate = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await gate.wait()
        writer.write(OK)
        await reader.read()

    async with endpoint(A, wait), http_front(A, config=HttpConfig(idle_per_endpoint=2)) as running:
        talks = [await running.connect() for _ in range(4)]
        for talk in talks:
            await talk.send(GET)
        await until(lambda: len(running.recent.records()) == 4)
        gate.set()
        for talk in talks:
            await talk.answer()
        assert running.front.idle_upstreams() == 2
        running.pass_time(3.9)
        assert running.front.idle_upstreams() == 2
        running.pass_time(0.2)
        assert running.front.idle_upstreams() == 0


async def test_clients_of_a_service_that_is_gone_are_let_go_after_their_answer() -> None:
    gate = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await gate.wait()
        writer.write(OK)
        await reader.read()

    async with endpoint(A, wait), http_front(A) as running:
        busy, idle = await running.connect(), await running.connect()
        await busy.send(GET)
        await until(lambda: len(running.front.connections) == 2 and len(running.recent.records()) == 1)
        running.front.update(WEB, None)
        assert await idle.until_end() == b""
        gate.set()
        assert (await busy.answer()).field("connection") == "close"
        assert await busy.until_end() == b""
        assert running.front.idle_upstreams() == 0


async def test_draining_lets_every_client_go_and_then_the_front_is_idle() -> None:
    async with Pod(A).running(), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        await talk.answer()
        running.front.drain()
        await asyncio.wait_for(running.front.connections.wait_until_idle(), PATIENCE)
        assert await talk.until_end() == b""
        assert (await running.ask()).field("connection") == "close"


@pytest.mark.parametrize("method", [b"BAN", b"VERSION-CONTROL", b"foo"])
async def test_a_method_that_nobody_knows_reaches_the_endpoint_and_is_never_repeated(method: bytes) -> None:
    async with Pod(A).running() as pod, http_front(A) as running:
        assert (await running.ask(GET.replace(b"GET", method))).status == 200
        assert pod.heads[-1].startswith(method + b" / HTTP/1.1\r\n")
        assert not is_repeatable(method, was_sent=True, has_body_gone=False)
