"""Stories of clients that go wrong: slow, gone, greedy, or not speaking HTTP."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import pytest
from tests.helpers.kubeproxy.cluster import reset
from tests.helpers.kubeproxy.http import GET, PORT, POST, WEB, A, Pod, endpoint, hang, http_front, until
from tests.helpers.patience import PATIENCE

from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.io.conversation import HttpConversation


async def test_a_client_that_drips_its_head_is_told_408_however_busy_it_is() -> None:
    async with http_front(A) as running:
        talk = await running.connect()
        await until(lambda: bool(running.front.connections))
        for byte in b"GET / HTTP/1.1\r\nX":
            before = running.read_ahead()
            await talk.send(bytes([byte]))
            while running.read_ahead() == before:
                await asyncio.sleep(0)
            running.pass_time(0.5)
        running.pass_time(2)
        reply = await talk.answer()
        assert (reply.status, reply.field("connection")) == (408, "close")
        talk.end()
        await until(lambda: not running.front.connections)


async def test_a_head_that_was_begun_too_early_has_no_longer_than_others() -> None:
    async with Pod(A).running(), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET + b"GET / HT")
        assert (await talk.answer()).status == 200
        running.pass_time(11)
        assert (await talk.answer()).status == 408


async def test_idle_clients_are_let_go() -> None:
    async with Pod(A).running(), http_front(A) as running:
        silent, idle = await running.connect(), await running.connect()
        await idle.send(GET)
        await idle.answer()
        running.pass_time(11)
        assert await silent.until_end() == b""
        running.pass_time(63)
        assert len(running.front.connections) == 1
        running.pass_time(2)
        assert await idle.until_end() == b""


async def test_an_upload_that_stalls_is_told_408() -> None:
    async with endpoint(A, hang), http_front(A) as running:
        talk = await running.connect()
        await talk.send(POST + b"he")
        await until(lambda: len(running.recent.records()) == 1)
        running.pass_time(61)
        assert (await talk.answer()).status == 408


async def test_a_half_closed_client_still_gets_the_answers_that_it_is_owed() -> None:
    async with Pod(A).running(), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET * 3)
        talk.end()
        assert (await talk.until_end()).count(b"HTTP/1.1 200 OK") == 3
        await until(lambda: not running.front.connections)


async def test_a_client_that_ends_within_its_upload_cuts_the_endpoint_off() -> None:
    outcome = asyncio.get_running_loop().create_future()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"he")
            outcome.set_result(await reader.read())
        except ConnectionResetError as error:
            outcome.set_result(error)

    async with endpoint(A, read), http_front(A) as running:
        talk = await running.connect()
        await talk.send(POST + b"he")
        await until(lambda: running.front.shared.counters.ports[WEB][f"{A}:{PORT}"].bytes_to_endpoint > 0)
        talk.end()
        assert isinstance(await asyncio.wait_for(outcome, PATIENCE), ConnectionResetError)
        await until(lambda: not running.front.connections)
        assert running.last_record().outcome == "client_ended"


async def test_a_client_that_has_ended_before_the_body_of_a_pipelined_request_gets_only_the_answer_before() -> None:
    async with Pod(A).running(), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET + POST + b"he")
        talk.end()
        assert (await talk.answer()).status == 200
        with pytest.raises(ConnectionResetError):
            await talk.until_end()
        assert running.last_record().outcome == "client_ended"


async def test_a_client_that_resets_while_it_waits_cuts_the_endpoint_off() -> None:
    async with endpoint(A, hang), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        await until(lambda: len(running.recent.records()) == 1)
        reset(talk.sock)
        await until(lambda: not running.front.connections)
        assert running.front.idle_upstreams() == 0


async def test_what_is_pipelined_beyond_a_bound_waits_in_the_clients_socket() -> None:
    async with endpoint(A, hang), http_front(A, config=HttpConfig(pipeline_bytes=1000)) as running:
        talk = await running.connect()
        await talk.send(GET)
        await until(lambda: len(running.recent.records()) == 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.get_running_loop().sock_sendall(talk.sock, GET * 1_000_000)
        assert running.read_ahead() < 1000 + 2 * len(running.front.shared.buffer)


async def test_a_client_that_reads_nothing_stalls_its_endpoint_and_is_given_up() -> None:
    sent = [0]

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            sent[0] += 65536
            await writer.drain()

    async with endpoint(A, pour), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        before = -1
        while before != sent[0]:
            before = sent[0]
            await asyncio.sleep(0.05)
        assert sent[0] < 50_000_000
        running.pass_time(61)
        with pytest.raises(ConnectionResetError):
            await talk.until_end()
        assert running.last_record().outcome == "client_timeout"


async def test_an_endpoint_that_reads_nothing_stalls_the_upload() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()
        await asyncio.Event().wait()

    async with endpoint(A, ignore), http_front(A) as running:
        talk = await running.connect()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await talk.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n" + b"x" * 90_000_000)

        def has_given_up() -> bool:
            # Again and again: on a busy machine the buffers on the way may not have been full before.
            running.pass_time(61)
            return not running.front.connections or running.last_record().status == 504

        await until(has_given_up)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no-host"),
        pytest.param(POST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, id="smuggling"),
        pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414, id="long-target"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000, 431, id="long-head"),
        pytest.param(b"GET / HTTP/3.0\r\n\r\n", 505, id="version"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, id="no-chunk"),
    ],
)
async def test_a_refused_request_is_the_last_of_its_connection(request_: bytes, status: int) -> None:
    async with Pod(A).running() as pod, http_front(A) as running:
        talk = await running.connect()
        await talk.send(request_ + GET)
        reply = await talk.answer()
        assert (reply.status, reply.field("connection")) == (status, "close")
        assert reply.body.startswith(b"kubesvc: ")
        assert await talk.until_end() == b""
        assert pod.heads == []
        assert running.last_record().status == status


async def test_a_chunk_that_is_none_in_the_middle_of_an_upload_is_told_400() -> None:
    async with endpoint(A, hang), http_front(A) as running:
        talk = await running.connect()
        await talk.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await until(lambda: len(running.recent.records()) == 1)
        await asyncio.sleep(0.01)
        await talk.send(b"xyz\r\n")
        assert (await talk.answer()).status == 400


async def test_connect_is_not_for_services() -> None:
    async with http_front(A) as running:
        reply = await running.ask(b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")
        assert reply.status == 405
        assert "GET" in (reply.field("allow") or "")


async def test_a_front_that_stops_resets_who_still_waits() -> None:
    async with endpoint(A, hang), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        await until(lambda: len(running.recent.records()) == 1)
        running.front.reset_all()
        with pytest.raises(ConnectionResetError):
            await talk.until_end()


class ReluctantSocket:
    """A socket of which nobody takes more than a few bytes at once."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def send(self, words: bytes | memoryview) -> int:
        return self._sock.send(words[:5])


async def test_a_client_that_stalls_within_the_last_bytes_gets_them_and_its_next_answer() -> None:
    async with Pod(A).running(), http_front(A) as running:
        talk = await running.connect()
        await until(lambda: bool(running.front.connections))
        (connection,) = running.front.connections
        assert isinstance(connection, HttpConversation)
        connection.client.sock = cast(socket.socket, ReluctantSocket(connection.client.sock))
        for _ in range(2):
            await talk.send(GET)
            assert (await talk.answer()).body == A.encode()
