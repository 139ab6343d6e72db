"""How a watch's events are written: at once to a client that reads, by the task to one that is behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest
from tests.helpers.kubeapiserver.server import HEADERS, HOST, served
from tests.helpers.patience import PATIENCE

from kubeapi.scheme import CONFIGMAPS
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapi.watching import WatchEvent
from kubeapi.webhooks.calls import Call, CallNeeded, Outcome
from kubeapiserver.messages import Request, Watch
from kubeapiserver.wire import watch as wire
from kubeapiserver.wire.rounds import Rounds
from kubeapiserver.wire.watch import Connection, WatchStream


class Transport:
    """Takes what is written; ``unsent`` bytes wait in it."""

    def __init__(self, unsent: int, told: list[bytes]) -> None:
        self.unsent = unsent
        self.written: list[bytes] = []
        self.told = told
        self.is_gone = False

    def is_closing(self) -> bool:
        return self.is_gone

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, content: bytes) -> None:
        self.written.append(content)
        self.told.append(content)


class Client:
    """A watch of ConfigMaps over a transport that the test writes.

    The task's writes are held until ``reads`` is set; ``told`` is everything in the order in which it was written.
    """

    def __init__(self, watch: Watch, unsent: int) -> None:
        self.store = Store()
        self.told: list[bytes] = []
        self.transport = Transport(unsent, self.told)
        self.by_task: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.answers = asyncio.Event()
        self.stream = WatchStream(watch, self.store, lambda: None, Rounds(lambda: 0.0), self.call)
        self.store.watch(CONFIGMAPS, 0, self.stream.put)

    async def call(self, wanted: Call) -> Outcome:
        await self.answers.wait()
        return Outcome(wanted.uid)

    async def write(self, lines: Sequence[bytes]) -> None:
        await self.reads.wait()
        self.by_task += lines
        self.told += lines

    def happen(self, *names: str) -> None:
        for name in names:
            self.store.create(CONFIGMAPS, {"metadata": {"name": name, "namespace": "default"}})


def name_of(event: WatchEvent) -> bytes | None:
    name: str = event.object["metadata"]["name"]
    return None if name == "hidden" else name.encode()


@asynccontextmanager
async def watched(
    encode: Callable[[WatchEvent], bytes | None] = name_of, *, unsent: int = 0, has_bookmarks: bool = False
) -> AsyncIterator[Client]:
    bookmark = (lambda version: b"bookmark %d" % version) if has_bookmarks else None
    client = Client(Watch(CONFIGMAPS, 0, [], encode, bookmark, 0), unsent)
    connection = Connection(cast(asyncio.WriteTransport, client.transport))
    serving = asyncio.create_task(client.stream.serve(client.write, connection))
    await turns()
    yield client
    client.stream.end()
    await asyncio.wait_for(serving, PATIENCE)


async def turns(count: int = 5) -> None:
    """Let the event loop do what is ready."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_happens_in_one_turn_is_one_chunk_to_a_client_that_reads() -> None:
    async with watched() as client:
        client.happen("a", "hidden", "b")
        assert client.transport.written == []
        await turns()
        client.happen("c")
        await turns()
        assert (client.transport.written, client.by_task) == ([b"2\r\nab\r\n", b"1\r\nc\r\n"], [])


async def test_an_event_that_a_webhook_has_to_convert_keeps_its_place() -> None:
    converted: list[Outcome] = []

    def encode(event: WatchEvent) -> bytes | None:
        name = name_of(event)
        if name == b"b" and not converted:
            raise CallNeeded(Call("u", "https://x", "", b"", None, 1), converted.append)
        return name

    async with watched(encode) as client:
        client.happen("a", "b", "c")
        await turns()
        client.happen("d")
        await turns()
        assert client.told == [b"1\r\na\r\n"]
        client.answers.set()
        await turns(10)
        assert client.told[1:] == [b"b", b"c", b"d"]


async def test_an_event_that_cannot_be_converted_ends_the_watch_with_an_error() -> None:
    def refuse(_: Outcome) -> None:
        raise StatusError(500, "", "no conversion")

    def encode(_: WatchEvent) -> bytes | None:
        raise CallNeeded(Call("u", "https://x", "", b"", None, 1), refuse)

    async with watched(encode) as client:
        client.happen("a")
        client.answers.set()
        await turns(10)
        [line] = client.told
        error = json.loads(line)
        assert (error["type"], error["object"]["message"]) == ("ERROR", "no conversion")


async def test_events_that_a_watcher_does_not_see_write_nothing() -> None:
    async with watched() as client:
        client.happen("hidden")
        await turns()
        assert (client.transport.written, client.by_task) == ([], [])


async def test_a_long_queue_is_written_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BATCH_EVENTS", 2)
    async with watched() as client:
        client.happen("a", "b", "c")
        await turns()
        assert client.transport.written == [b"2\r\nab\r\n", b"1\r\nc\r\n"]


async def test_a_client_that_is_behind_is_waited_for_and_gets_everything_in_order() -> None:
    async with watched(unsent=wire.BUFFER_BYTES) as client:
        client.reads.clear()
        client.happen("a")
        await turns()
        client.transport.unsent = 0
        client.happen("b")
        await turns()
        assert (client.transport.written, client.by_task) == ([], [])
        client.reads.set()
        await turns()
        assert client.by_task == [b"a", b"b"]
        client.happen("c")
        await turns()
        assert (client.transport.written, client.by_task) == ([b"1\r\nc\r\n"], [b"a", b"b"])


async def test_nothing_is_written_to_a_connection_that_closes() -> None:
    async with watched() as client:
        client.transport.is_gone = True
        client.happen("a")
        await turns()
        assert client.transport.written == []


async def test_nothing_is_written_after_the_end() -> None:
    async with watched() as client:
        client.happen("a")
        client.stream.end()
        await turns()
        client.happen("b")
        await turns()
    assert client.transport.written + client.by_task == [b"1\r\na\r\n"]


async def test_a_bookmark_comes_after_the_events_up_to_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BOOKMARK_SECONDS", 0)
    async with watched(has_bookmarks=True) as client:
        for number in range(20):
            client.happen(f"event-{number}")
            await turns(1 + number % 3)
    told = [int(each.removeprefix(b"bookmark ")) for each in client.told if each.startswith(b"bookmark ")]
    events = [b"".join(client.told[:at]).count(b"event") for at, each in enumerate(client.told) if b"bookmark" in each]
    assert told == events and told[0] < told[-1]


async def test_an_answer_of_http_1_0_has_no_chunks() -> None:
    def endless(_: Request) -> Watch:
        return Watch(CONFIGMAPS, 0, [b"first\n"], lambda event: b"then\n", None, 0)

    async with served(endless) as door, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(HOST, door.port)
        headers = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        writer.write(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n{headers}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readline() == b"first\n"
        door.store.create(CONFIGMAPS, {"metadata": {"name": "a", "namespace": "default"}})
        assert await reader.readline() == b"then\n"
        writer.close()
