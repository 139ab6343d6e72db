"""Stories of endpoints that go wrong: none, deaf, slow, gone, early, or not speaking HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import AsyncIterator

import pytest
from tests.helpers.kubeproxy.cluster import deaf_endpoint, reset, reset_on_close
from tests.helpers.kubeproxy.http import (
    GET,
    OK,
    PORT,
    POST,
    WEB,
    A,
    B,
    Pod,
    Running,
    Talk,
    endpoint,
    hang,
    http_front,
    until,
)

from kubeproxy.types import Endpoint
from kubeproxy.userspace.http.io.conversation import HttpConversation
from kubeproxy.userspace.poller import HUNG_UP


async def answer_once_then_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Keep the connection for one request; break off at the second, having read it."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    await reader.readuntil(b"\r\n\r\n")


async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    reset_on_close(writer.get_extra_info("socket"))
    writer.transport.abort()


async def test_without_endpoints_the_client_is_told_so_and_stays_connected() -> None:
    async with Pod(A).running(), http_front() as running:
        talk = await running.connect()
        await talk.send(GET)
        reply = await talk.answer()
        assert (reply.status, reply.field("server")) == (503, "kubesvc")
        assert reply.body == b"kubesvc: Service default/web:http has no endpoints\n"
        assert running.front.shared.counters.refused.total() == 1
        running.turns.endpoints.append(Endpoint(A, PORT))
        await talk.send(GET)
        assert (await talk.answer()).status == 200


@pytest.mark.parametrize("request_", [GET, POST + b"hello"], ids=["get", "post"])
async def test_an_endpoint_that_refuses_is_passed_over_whatever_is_asked(request_: bytes) -> None:
    async with Pod(B).running() as pod, http_front(A, B) as running:
        assert (await running.ask(request_)).body.decode() == B
        assert running.last_record().failures == ((f"{A}:{PORT}", "connect_refused"),)
        assert len(pod.heads) == 1


async def test_when_every_endpoint_refuses_the_client_gets_502() -> None:
    async with http_front(A, B) as running:
        reply = await running.ask()
        assert reply.status == 502
        assert running.last_record().outcome == "unreachable"
        assert len(running.last_record().failures) == 4


async def test_an_endpoint_that_answers_no_dial_is_given_up_for_another() -> None:
    with deaf_endpoint(A):
        async with Pod(B).running(), http_front(A, B) as running:
            assert (await running.ask(POST + b"hello")).body.decode() == B
            assert running.last_record().failures == ((f"{A}:{PORT}", "connect_timeout"),)


async def test_a_client_that_is_gone_cancels_the_dial() -> None:
    with deaf_endpoint(A):
        async with http_front(A) as running:
            talk = await running.connect()
            await talk.send(GET)
            await until(lambda: len(running.recent.records()) == 1)
            reset(talk.sock)
            await until(lambda: not running.front.connections)
            assert running.last_record().outcome == "client_reset"


async def test_a_get_is_asked_again_when_its_kept_connection_ends_unanswered() -> None:
    async with endpoint(A, answer_once_then_end), http_front(A) as running:
        talk = await running.connect()
        for _ in range(4):
            await talk.send(GET)
            assert (await talk.answer()).body == b"ok"
        assert [len(each.failures) for each in running.recent.records()] == [0, 1, 1, 1]


async def test_a_get_is_asked_again_of_another_endpoint_when_a_new_connection_breaks() -> None:
    async with endpoint(A, break_off), Pod(B).running(), http_front(A, B) as running:
        assert (await running.ask()).body.decode() == B
        assert running.last_record().failures == ((f"{A}:{PORT}", "ended_before_answer"),)


async def test_a_post_that_an_endpoint_may_have_acted_on_is_not_repeated() -> None:
    async with endpoint(A, break_off), Pod(B).running() as pod, http_front(A, B) as running:
        reply = await running.ask(POST + b"hello")
        assert reply.status == 502
        assert f"{A}:{PORT}".encode() in reply.body
        assert pod.heads == []


@contextlib.asynccontextmanager
async def kept_connection() -> AsyncIterator[tuple[Running, Talk, socket.socket, socket.socket]]:
    """Run a front with a client, a listening endpoint, and the connection between them after one exchange."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((A, PORT))
        listener.listen()
        async with http_front(A) as running:
            talk = await running.connect()
            await talk.send(GET)
            kept, _ = await loop.sock_accept(listener)
            with kept:
                assert await loop.sock_recv(kept, 1000)
                await loop.sock_sendall(kept, OK)
                await talk.answer()
                yield running, talk, listener, kept


async def test_a_post_is_not_given_to_a_kept_connection_that_has_ended() -> None:
    """The race of every rolling update: the endpoint ends its idle connection while the next request is on its way."""
    loop = asyncio.get_running_loop()
    async with kept_connection() as (running, talk, listener, kept):
        talk.sock.send(POST + b"hello")
        kept.close()
        second, _ = await loop.sock_accept(listener)
        with second:
            assert (await loop.sock_recv(second, 1000)).endswith(b"\r\n\r\nhello")
            await loop.sock_sendall(second, OK)
        assert (await talk.answer()).status == 200
        assert running.last_record().failures == ()


@pytest.mark.parametrize("ends_first", [False, True], ids=["reset", "end-and-reset"])
async def test_a_post_that_the_endpoint_of_a_kept_connection_has_read_is_not_said_twice(ends_first: bool) -> None:
    async with kept_connection() as (running, talk, listener, kept):
        await talk.send(POST + b"hello")
        assert (await asyncio.get_running_loop().sock_recv(kept, 1000)).endswith(b"hello")
        if ends_first:
            kept.shutdown(socket.SHUT_WR)
        reset(kept)
        assert (await talk.answer()).status == 502
        assert running.last_record().failures == ()
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_a_post_of_which_nothing_could_be_sent_is_said_on_another_connection() -> None:
    """The kernel may learn of a reset after it was asked how the connection is, and before it gets the request."""
    loop = asyncio.get_running_loop()
    async with kept_connection() as (running, talk, listener, kept):
        (idle,) = running.front.port(WEB).pool._idle[f"{A}:{PORT}"]
        idle.sock = RefusesToSend(idle.sock.detach())
        talk.sock.send(POST + b"hello")
        await until(lambda: len(running.recent.records()) == 2)
        reset(kept)
        second, _ = await loop.sock_accept(listener)
        with second:
            assert (await loop.sock_recv(second, 1000)).endswith(b"\r\n\r\nhello")
            await loop.sock_sendall(second, OK)
        assert (await talk.answer()).status == 200
        assert running.last_record().failures == ((f"{A}:{PORT}", "ended_before_answer"),)


class RefusesToSend(socket.socket):
    """A socket whose first bytes the kernel does not take."""

    def __init__(self, fd: int) -> None:
        super().__init__(fileno=fd)

    def send(self, *_: object) -> int:
        raise ConnectionResetError


async def test_retries_stop_where_their_budget_ends() -> None:
    async with endpoint(A, break_off), http_front(A) as running:
        replies = [await running.ask() for _ in range(60)]
        assert {each.status for each in replies} == {502}
        repeated = sum(len(each.failures) for each in running.recent.records())
        assert repeated == 100 + 59 // 5  # the first request finds the reserve full


async def test_an_endpoint_that_ends_without_an_answer_makes_a_502() -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with endpoint(A, end), http_front(A) as running:
        assert (await running.ask(POST.replace(b"5", b"0"))).status == 502
        assert running.last_record().outcome == "upstream_ended"


SLOPPY = [
    pytest.param(b"HTTP/1.1 200 OK\nX: 1\nContent-Length: 2\n\nok", id="bare-lf"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", id="length-twice"),
    pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \nok\n0\n\n", id="chunks"),
    pytest.param(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", id="chunked-in-1.0"),
]


@pytest.mark.parametrize("answer", SLOPPY)
@pytest.mark.parametrize("is_in_pieces", [False, True], ids=["at-once", "byte-by-byte"])
async def test_an_answer_that_can_be_put_right_reaches_its_client(answer: bytes, is_in_pieces: bool) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                step = 1 if is_in_pieces else len(answer)
                for position in range(0, len(answer), step):
                    writer.write(answer[position : position + step])
                    await writer.drain()
                    await asyncio.sleep(0)

    async with endpoint(A, say), http_front(A) as running:
        talk = await running.connect()
        for _ in range(2):
            await talk.send(GET)
            reply = await talk.answer()
            assert (reply.status, reply.body) == (200, b"ok")
            assert reply.head.count(b"\n") == reply.head.count(b"\r\n")
            assert reply.head.lower().count(b"\r\ncontent-length:") <= 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="another-protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", id="two-lengths"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", id="101-that-nobody-asked-for"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000, id="endless-head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", id="invalid-first-chunk"),
    ],
)
async def test_an_invalid_answer_makes_a_502_that_names_the_endpoint(answer: bytes) -> None:
    async with Pod(A, answer).running(), http_front(A) as running:
        reply = await running.ask()
        assert reply.status == 502
        assert f"kubesvc: invalid answer of {A}:{PORT}".encode() in reply.body
        assert running.front.idle_upstreams() == 0


async def test_bytes_after_an_answer_are_nobodys_answer() -> None:
    async with Pod(A, OK + OK.replace(b"ok", b"no")).running() as pod, http_front(A) as running:
        talk = await running.connect()
        for _ in range(2):
            await talk.send(GET)
            assert (await talk.answer()).body == b"ok"
        assert pod.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", id="length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", id="chunked"),
    ],
)
@pytest.mark.parametrize("is_reset", [False, True], ids=["end", "reset"])
async def test_an_endpoint_that_breaks_off_cuts_its_client_off(answer: bytes, is_reset: bool) -> None:
    heard = asyncio.Event()

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await heard.wait()
        if is_reset:
            reset_on_close(writer.get_extra_info("socket"))
            writer.transport.abort()

    async with endpoint(A, half), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        await talk.line_end(b"half")
        heard.set()
        with pytest.raises(ConnectionResetError):
            await talk.until_end()
        assert running.last_record().outcome == ("upstream_reset" if is_reset else "upstream_ended")


async def test_an_endpoint_that_never_answers_makes_a_504() -> None:
    async with endpoint(A, hang), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        await until(lambda: len(running.recent.records()) == 1)
        running.pass_time(59)
        running.pass_time(2)
        reply = await talk.answer()
        assert (reply.status, running.last_record().outcome) == (504, "upstream_timeout")
        assert running.front.shared.counters.errors["http_504"] == 1


async def test_an_endpoint_that_falls_silent_within_its_answer_cuts_its_client_off() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await reader.read()
        await asyncio.Event().wait()

    async with endpoint(A, half), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        await talk.line_end(b"half")
        running.pass_time(61)
        with pytest.raises(ConnectionResetError):
            await talk.until_end()


async def test_an_early_answer_ends_the_upload_and_reaches_the_client_whole() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()

    async with endpoint(A, refuse), http_front(A) as running:
        talk = await running.connect()
        await talk.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 1000)
        reply = await talk.answer()
        assert (reply.status, reply.body, reply.field("connection")) == (413, b"big", "close")
        await talk.send(b"x" * 1_000_000)
        assert await talk.until_end() == b""
        running.pass_time(6)
        assert not running.front.connections


async def test_a_slow_client_gets_all_that_its_endpoint_has_said_before_it_broke_off() -> None:
    said: list[bytes] = []

    async def say_much_and_break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        sock = writer.get_extra_info("socket")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not _is_stalled(running):
            said.append(b"%d " % len(said) * 16384)
            await say(b"%x\r\n%b\r\n" % (len(said[-1]), said[-1]), writer)
        said.append(b"the end")
        await say(b"7\r\nthe end\r\n0\r\n\r\n", writer)
        reset_on_close(sock)
        writer.transport.abort()

    async with endpoint(A, say_much_and_break_off), http_front(A) as running:
        talk = await running.connect()
        await talk.send(GET)
        await until(lambda: b"the end" in said and _has_hung_up(running))
        assert (await talk.answer()).body == b"".join(said)


def _has_hung_up(running: Running) -> bool:
    (connection,) = running.front.connections
    assert isinstance(connection, HttpConversation)
    upstream = connection.delivery.upstream
    return upstream is not None and upstream.events == HUNG_UP


def _is_stalled(running: Running) -> bool:
    (connection,) = running.front.connections
    assert isinstance(connection, HttpConversation)
    return bool(connection.client.unsent)


async def say(words: bytes, writer: asyncio.StreamWriter) -> None:
    """Say something, and return when the peer's kernel has it."""
    writer.write(words)
    sock = writer.get_extra_info("socket")
    await until(lambda: not writer.transport.get_write_buffer_size() and not _unacknowledged(sock))


def _unacknowledged(sock: socket.socket) -> int:
    """Return how many bytes the peer's kernel does not have yet (SIOCOUTQ, tcp(7))."""
    count: int = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]
    return count


@pytest.mark.usefixtures("wanted_failures")
async def test_a_fault_while_an_answer_is_read_costs_that_connection_and_the_request_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_answer, faults = HttpConversation.on_answer_bytes, [RuntimeError("once")]

    def break_once(conversation: HttpConversation, received: memoryview) -> None:
        if faults:
            raise faults.pop()
        on_answer(conversation, received)

    monkeypatch.setattr(HttpConversation, "on_answer_bytes", break_once)
    async with Pod(A).running() as pod, http_front(A) as running:
        assert (await running.ask()).body.decode() == A
        assert (pod.connections, running.last_record().failures) == (2, ((f"{A}:{PORT}", "ended_before_answer"),))
        assert [each.component for each in running.front.shared.poller.failures.all()] == ["kube-proxy"]
