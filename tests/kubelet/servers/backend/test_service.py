"""Image kubesvc/backend over real sockets."""

import asyncio
import json

import pytest
from tests.helpers.kubelet.builtins import ADDRESS, BuiltinHost, get, send
from tests.helpers.patience import PATIENCE

from kubelet.spec.process import StartError

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def load() -> int:
    under_way: int = json.loads((await get("/load"))[1])["rif"]
    return under_way


async def test_requests_wait_for_a_slot_and_are_answered_in_their_order(host: BuiltinHost) -> None:
    await host.serve("backend", "30ms; slots 1")
    answered: list[int] = []
    writers = []

    async def read(number: int, reader: asyncio.StreamReader) -> None:
        await reader.readuntil(b"web-1\n")
        answered.append(number)

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for number in range(5):
            reader, writer = await asyncio.open_connection(ADDRESS, 8080)
            writers.append(writer)
            writer.write(ASK)
            while await load() + len(answered) <= number:
                pass
            group.create_task(read(number, reader))
    assert answered == [0, 1, 2, 3, 4]
    assert await load() == 0
    for writer in writers:
        writer.close()


async def test_a_client_that_leaves_does_not_end_its_request(host: BuiltinHost) -> None:
    await host.serve("backend", "1m")
    _, writer = await asyncio.open_connection(ADDRESS, 8080)
    writer.write(ASK + ASK)
    async with asyncio.timeout(PATIENCE):
        while not await load():
            pass
        writer.transport.abort()
        assert await get("/healthz") == (200, "ok")
        assert await load() == 1


async def test_requests_that_come_at_once_on_one_connection_are_answered_one_after_the_other(
    host: BuiltinHost,
) -> None:
    await host.serve("backend", "5ms")
    last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await asyncio.wait_for(send(ASK.decode() * 2 + last, 8080), PATIENCE)
    assert answer.count("HTTP/1.1 200 OK") == answer.count("X-Pod: web-1") == 3


async def test_a_backend_fails_as_its_model_says_and_begins_again_when_told(host: BuiltinHost) -> None:
    await host.serve("backend", "1m; at 0s..1m: fail(100%, 503)")
    assert await get("/") == (503, "web-1\n")
    answer = await send("POST /restart HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 8080)
    assert answer.startswith("HTTP/1.1 200 OK")
    assert await get("/") == (503, "web-1\n")


async def test_a_line_over_plain_tcp_is_answered_with_the_pods_name(host: BuiltinHost) -> None:
    await host.serve("backend", "5ms; at 1m..2m: fail(100%)")
    assert await asyncio.wait_for(send("hostname\n", 8080), PATIENCE) == "web-1\n"


async def test_a_failure_over_plain_tcp_ends_the_connection_without_an_answer(host: BuiltinHost) -> None:
    await host.serve("backend", "5ms; fail(100%)")
    assert await asyncio.wait_for(send("hostname\n", 8080), PATIENCE) == ""


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("soon", "kubesvc.dev/backend: position 1: expected a time (20ms, "),
        ("replay(/no/such/file)", "replay(/no/such/file): "),
    ],
)
async def test_a_backend_says_why_it_cannot_start(host: BuiltinHost, model: str, words: str) -> None:
    output = bytearray()
    try:
        process = await host.serve("backend", model, sink=lambda _, chunk: output.extend(chunk))
    except StartError as error:
        output.extend(str(error).encode())
    else:
        assert (await asyncio.wait_for(process.wait(), PATIENCE)).code == 2
    assert words in output.decode()
