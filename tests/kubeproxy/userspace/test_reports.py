"""What algorithms that follow their backends are told by the engines of TCP, HTTP and UDP; time moves by hand.

IP plan: Service 127.97.0.1, endpoints 127.245.0.1 and .2, port 20080.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence

import pytest
from tests.helpers.kubeproxy.cluster import (
    Cluster,
    ask,
    cluster,
    connect,
    echo,
    receive_all,
    reset_on_close,
    service,
    serving,
    slice_of,
    until,
)
from tests.helpers.kubeproxy.udp import udp_ask, udp_client, udp_endpoint, udp_name
from tests.helpers.patience import PATIENCE

from kubeapi.meta import JSON
from kubeproxy.balancers import BALANCERS, Ask, Backend, Balancer, Inputs, Options
from kubeproxy.telemetry.outcomes import Result
from kubeproxy.userspace.tcp.io.end import End

VIP, A, B, PORT = "127.97.0.1", "127.245.0.1", "127.245.0.2", 20080
SUCCESS, SERVER_ERROR, GATEWAY_ERROR, LOCAL_ERROR = Result
OPENED, CLOSED = "opened", "closed"
GET = b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: web\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

Told = list[tuple[str, object]]
"""What is told of which endpoint: the last digit of the address, and the word, the result or the seconds."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What a listening algorithm hears, which tries the endpoints in their order."""
    heard: Told = []

    class Listening(Balancer):
        name = "listening"
        follows = True

        def __init__(self, inputs: Inputs, options: Options) -> None:
            self.backends: Sequence[Backend] = ()

        @staticmethod
        def describe(unit: str, count: int) -> str:
            return "in their order"

        def update(self, backends: Sequence[Backend]) -> None:
            self.backends = backends

        def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
            return next((each for each in self.backends if each.address not in avoid), self.backends[0])

        def upcoming(self, ask: Ask) -> Backend | None:
            return None

        def opened(self, backend: Backend) -> None:
            heard.append((backend.endpoint.ip[-1], OPENED))

        def closed(self, backend: Backend) -> None:
            heard.append((backend.endpoint.ip[-1], CLOSED))

        def answered(self, backend: Backend, seconds: float) -> None:
            heard.append((backend.endpoint.ip[-1], seconds))

        def completed(self, backend: Backend, result: Result) -> None:
            heard.append((backend.endpoint.ip[-1], result))

    monkeypatch.setitem(BALANCERS, "listening", Listening)
    return heard


def web(**annotations: str) -> JSON:
    return service(annotations={"kubesvc.dev/balancer": "listening", **annotations})


Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


@contextlib.asynccontextmanager
async def ground(act: Act | None, *objects: JSON) -> AsyncIterator[Cluster]:
    """A Service whose endpoint A does something when it hears of a client, a quarter of a second later."""
    async with cluster(*objects, slice_of("web", [A, B])) as c:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65536)
            c.now[0] += 0.25
            assert act is not None
            act(reader, writer)

        async with contextlib.AsyncExitStack() as stack:
            if act is not None:
                await stack.enter_async_context(serving(A, PORT, serve))
            yield c


def says(*words: bytes) -> Act:
    return lambda _, writer: writer.writelines(words)


def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset_on_close(writer.get_extra_info("socket"))
    writer.transport.abort()


async def answer_to(question: bytes) -> bytes:
    with contextlib.closing(await connect(VIP)) as sock:
        await asyncio.get_running_loop().sock_sendall(sock, question)
        return await receive_all(sock)


async def test_a_connection_is_told_when_it_is_made_with_its_first_byte_and_at_its_end(told: Told) -> None:
    async with ground(says(b"one", b"two"), web()):
        assert await answer_to(b"?") == b"onetwo"
        await until(lambda: len(told) == 4)
    assert told == [("1", OPENED), ("1", SUCCESS), ("1", 0.25), ("1", CLOSED)]


async def test_a_connection_without_an_answer_tells_how_long_its_client_has_waited(told: Told) -> None:
    heard = asyncio.Event()
    async with ground(lambda *_: heard.set(), web()) as c:
        with contextlib.closing(await connect(VIP)) as sock:
            sock.send(b"?")
            async with asyncio.timeout(PATIENCE):
                await heard.wait()
            c.now[0] += 3
        await until(lambda: len(told) == 4)
    assert told == [("1", OPENED), ("1", SUCCESS), ("1", 3.25), ("1", CLOSED)]


def but_dials(told: Told, *refusing: str) -> Told:
    """Leave out that dials of endpoints that refuse were open: a busy kernel refuses a moment after connect(2)."""
    return [each for each in told if each[0] not in refusing or each[1] not in (OPENED, CLOSED)]


async def test_a_refused_dial_is_told_of_the_endpoint_that_refuses(told: Told) -> None:
    async with serving(B, PORT, lambda _, writer: writer.drain()), ground(None, web()):
        await ask(VIP)
        await until(lambda: len(but_dials(told, "1")) == 5)
    assert but_dials(told, "1")[:3] == [("1", LOCAL_ERROR), ("2", OPENED), ("2", SUCCESS)]


async def test_a_connection_that_nobody_follows_has_ends_that_do_not_look() -> None:
    async with ground(says(), service()) as c, serving(B, PORT, echo):
        with contextlib.closing(await connect(VIP)):
            await until(lambda: c.plane.connections() == 1)
            (connection,) = c.plane.tcp.connections
            assert type(connection.upstream) is End


@pytest.mark.parametrize(
    ("status", "result"),
    [(200, SUCCESS), (404, SUCCESS), (500, SERVER_ERROR), (501, SERVER_ERROR), (503, GATEWAY_ERROR)],
)
async def test_a_request_is_told_by_its_status(status: int, result: Result, told: Told) -> None:
    answer = b"HTTP/1.1 %d Well\r\nContent-Length: 2\r\n\r\nok" % status
    async with ground(says(answer), web(**{"kubesvc.dev/protocol": "http"})):
        assert b"ok" in await answer_to(GET)
    assert told == [("1", OPENED), ("1", 0.25), ("1", result), ("1", CLOSED)]


@pytest.mark.parametrize("act", [breaks_off, says(b"nonsense\r\n\r\n")])
async def test_a_request_that_gets_no_answer_is_told_as_a_local_error(act: Act, told: Told) -> None:
    async with ground(act, web(**{"kubesvc.dev/protocol": "http"})):
        assert b" 502 " in await answer_to(POST)
    assert sorted(map(str, told)) == sorted(map(str, [("1", OPENED), ("1", LOCAL_ERROR), ("1", 0.25), ("1", CLOSED)]))


async def test_a_request_that_its_client_gives_up_tells_how_long_it_has_waited_and_nothing_else(told: Told) -> None:
    heard = asyncio.Event()
    async with ground(lambda *_: heard.set(), web(**{"kubesvc.dev/protocol": "http"})) as c:
        sock = await connect(VIP)
        sock.send(GET)
        async with asyncio.timeout(PATIENCE):
            await heard.wait()
        c.now[0] += 1
        reset_on_close(sock)
        sock.close()
        await until(lambda: len(told) == 3)
    assert told == [("1", OPENED), ("1", 1.25), ("1", CLOSED)]


async def test_a_request_is_told_of_every_endpoint_where_it_was_tried(told: Told) -> None:
    async with ground(None, web(**{"kubesvc.dev/protocol": "http"})):
        assert b" 502 " in await answer_to(GET)
    tried = [("1", LOCAL_ERROR), ("2", LOCAL_ERROR), ("1", LOCAL_ERROR), ("1", LOCAL_ERROR)]
    assert but_dials(told, "1", "2") == tried
    assert sum(word == OPENED for _, word in told) == sum(word == CLOSED for _, word in told)


async def test_a_kept_connection_that_ends_as_it_is_used_again_is_no_error_of_its_endpoint(told: Told) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    connections = 0

    async def answer_once_then_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if connections == 1:
            await reader.readuntil(b"\r\n\r\n")

    about = web(**{"kubesvc.dev/protocol": "http"})
    async with serving(A, PORT, answer_once_then_end), cluster(about, slice_of("web", [A])):
        with contextlib.closing(await connect(VIP)) as sock:
            for question in (GET.replace(b"close", b"keep-alive"), GET):
                await asyncio.get_running_loop().sock_sendall(sock, question)
                async with asyncio.timeout(PATIENCE):
                    assert b"ok" in await asyncio.get_running_loop().sock_recv(sock, 65536)
    assert connections == 2
    assert [each for _, each in told if isinstance(each, Result)] == [SUCCESS, SUCCESS]


async def test_a_flow_is_told_with_its_first_answer_or_refusal(told: Told) -> None:
    dns = {"name": "dns", "port": PORT, "protocol": "UDP"}
    listed = slice_of("dns", (A,)) | {"ports": [dns]}
    about = service("dns", VIP, ports=[dns], annotations={"kubesvc.dev/balancer": "listening"})
    async with cluster(about, listed):
        with udp_endpoint(A, udp_name("a"), PORT), udp_client((VIP, PORT), ("127.97.200.1", 0)) as client:
            assert [await udp_ask(client) for _ in range(2)] == [b"a", b"a"]
        with udp_client((VIP, PORT), ("127.97.200.2", 0)) as client, pytest.raises(ConnectionRefusedError):
            await udp_ask(client)
        assert told == [("1", OPENED), ("1", 0.0), ("1", SUCCESS), ("1", OPENED), ("1", LOCAL_ERROR)]
        told.clear()
    assert sorted(map(str, told)) == sorted(map(str, [("1", CLOSED), ("1", 0.0), ("1", CLOSED)]))
