from __future__ import annotations

import asyncio
import contextlib
import io
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from tests.helpers.kubeapiserver.server import HEADERS, HOST, Door, served
from tests.helpers.patience import PATIENCE

from kubeapi.scheme import CONFIGMAPS, NAMESPACES, Resource
from kubeapi.status import InternalError
from kubeapi.store import Sink, Store
from kubeapi.watching import WatchEvent
from kubeapiserver.errors import BODY_LIMIT
from kubeapiserver.messages import Answer, Request, Response, Watch
from kubeapiserver.wire import listening, server
from kubeapiserver.wire import watch as server_watch
from kubeapiserver.wire.keys.certificates import server_certificate
from kubeapiserver.wire.server import PIECE_BYTES


def echo(request: Request) -> Response:
    told = {"method": request.method, "path": request.path, "query": dict(request.query), "body": len(request.body)}
    return Response(200, json.dumps(told).encode())


def line(event: WatchEvent) -> bytes:
    return f"{event.type} {event.object['metadata']['name']}\n".encode()


def watch(request: Request) -> Watch:
    bookmark = (lambda version: f"BOOKMARK {version}\n".encode()) if request.has_flag("bookmarks") else None
    return Watch(CONFIGMAPS, 0, [b"first\n"], line, bookmark, float(request.get("timeout", "0")))


def config_map(name: str) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "default"}}


async def test_a_request_reaches_the_handler_as_it_was_sent() -> None:
    async with served(echo) as door, door.client.put("/a%20b?x=1&x=2&y=", data=b"12345") as answer:
        assert await answer.json() == {
            "method": "PUT",
            "path": "/a b",
            "query": {"x": ["1", "2"], "y": [""]},
            "body": 5,
        }


async def test_only_the_health_checks_need_no_token() -> None:
    async with served(echo) as door, aiohttp.ClientSession(f"http://{HOST}:{door.port}") as stranger:
        async with stranger.get("/api/v1/pods") as answer:
            told = await answer.json()
            assert (answer.status, told["reason"], told["message"]) == (401, "Unauthorized", "Unauthorized")
        async with stranger.get("/healthz") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("is_tls", "sent"),
    [
        pytest.param(False, b"", id="says-nothing"),
        pytest.param(False, b"GET / HTTP/1.1\r\nHost: x\r\nX", id="stops-in-its-head"),
        pytest.param(False, b"GET /healthz HTTP/1.1\r\nHost: 127.114.0.1\r\n\r\nGET", id="stops-in-its-second-head"),
        pytest.param(True, None, id="says-nothing-of-tls"),
        pytest.param(True, b"", id="says-nothing-after-tls"),
        pytest.param(True, b"GET / HTTP/1.1\r\nHost: x\r\nX", id="stops-in-its-head-after-tls"),
    ],
)
async def test_a_client_without_token_that_stops_before_its_head_has_ended_is_cut(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_tls: bool, sent: bytes | None
) -> None:
    if sent is None:
        monkeypatch.setattr(listening, "HANDSHAKE_SECONDS", 0.2)
    else:
        monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    context = server_certificate(tmp_path / "pem", [HOST], [], time.time()).context() if is_tls else None
    client = ssl.create_default_context(cafile=tmp_path / "pem") if is_tls and sent is not None else None
    async with served(echo, context=context) as door, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(HOST, door.port, ssl=client)
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            writer.write(sent or b"")
            assert (await reader.read()).startswith(b"HTTP/1.1 200" if sent and b"healthz" in sent else b"")


async def test_a_refused_body_is_not_taken_for_the_next_request() -> None:
    async with served(echo) as door:
        reader, writer = await asyncio.open_connection(HOST, door.port)
        smuggled = b"GET /smuggled HTTP/1.1\r\nHost: 127.114.0.1\r\n\r\n"
        writer.write(b"POST / HTTP/1.1\r\nHost: 127.114.0.1\r\nContent-Length: 1000\r\n\r\n" + smuggled)
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n")
        assert b"401" in head
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with-length", "chunked"])
async def test_a_body_that_is_too_large_is_refused(is_chunked: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes(BODY_LIMIT // 3)

    async with served(echo) as door:
        body = chunks() if is_chunked else io.BytesIO(bytes(BODY_LIMIT + 1))
        try:
            async with door.client.post("/", data=body) as answer:
                assert answer.status == 413
        except aiohttp.ClientConnectionError:
            pass  # the answer came while the client still sent
        async with door.client.post("/", data=io.BytesIO(bytes(BODY_LIMIT))) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("length", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5])
async def test_an_answer_of_any_length_arrives_whole_and_uncompressed(length: int) -> None:
    body = bytes(each % 251 for each in range(length))
    async with served(lambda _: Response(200, body, headers=[("X-Told", "yes")])) as door:
        for _ in range(2):  # the connection goes on
            async with door.client.get("/", headers={"Accept-Encoding": "gzip"}) as answer:
                assert (answer.headers["Content-Length"], answer.headers["X-Told"]) == (str(length), "yes")
                assert "Content-Encoding" not in answer.headers and await answer.read() == body
        async with door.client.head("/") as answer:
            assert (answer.headers.get("Content-Length", "0"), await answer.read()) == (str(length), b"")


@pytest.mark.usefixtures("wanted_failures")
async def test_a_fault_of_ours_is_a_status_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Request) -> Answer:
        raise KeyError("secret")

    async with served(broken) as door, door.client.get("/") as answer:
        text = await answer.text()
        assert (answer.status, json.loads(text)["reason"], "secret" in text) == (500, "InternalError", False)
    assert "GET /" in caplog.text


@pytest.mark.usefixtures("wanted_failures")
async def test_a_part_that_cannot_be_imported_any_more_asks_for_a_restart() -> None:
    def broken(_: Request) -> Answer:
        raise ImportError("cannot import name 'new' from 'kubeapiserver.tables'")

    async with served(broken) as door, door.client.get("/") as answer:
        message = json.loads(await answer.text())["message"]
        assert answer.status == 500 and "have changed since this cluster was started: `kubesvc down`" in message


async def test_a_target_that_cannot_be_read_is_a_bad_request() -> None:
    async with served(echo) as door:
        reader, writer = await asyncio.open_connection(HOST, door.port)
        writer.write(b"GET //[ HTTP/1.1\r\nHost: 127.114.0.1\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert b"400" in await reader.readuntil(b"\r\n")
        writer.close()
        await writer.wait_closed()


async def test_a_write_is_answered_only_when_it_is_on_disk() -> None:
    on_disk, asked = asyncio.Event(), asyncio.Event()

    async def flush() -> None:
        asked.set()
        await on_disk.wait()

    async with served(echo, flush=flush) as door:
        async with door.client.get("/") as answer:
            assert answer.status == 200
        writing = asyncio.create_task(door.client.post("/").__aenter__())
        await asyncio.wait_for(asked.wait(), PATIENCE)
        assert not writing.done()
        on_disk.set()
        answer = await asyncio.wait_for(writing, PATIENCE)
        assert answer.status == 200
        answer.release()


async def test_a_write_that_cannot_be_kept_is_refused() -> None:
    async def flush() -> None:
        raise InternalError("disk full")

    async with served(echo, flush=flush) as door, door.client.post("/") as answer:
        assert answer.status == 500


async def test_a_watch_begins_with_what_there_is_and_goes_on_with_what_happens() -> None:
    async with served(watch) as door, door.client.get("/") as answer:
        assert await answer.content.readline() == b"first\n"
        for name in ("a", "b"):
            door.store.create(CONFIGMAPS, config_map(name))
        door.store.create(NAMESPACES, {"metadata": {"name": "other"}})
        assert [await answer.content.readline() for _ in range(2)] == [b"ADDED a\n", b"ADDED b\n"]


async def test_a_watch_ends_cleanly_when_its_time_is_up() -> None:
    async with served(watch) as door, door.client.get("/?timeout=0.05") as answer:
        assert await answer.read() == b"first\n"


async def test_watches_end_cleanly_when_the_server_closes() -> None:
    async with served(watch) as door, door.client.get("/") as answer:
        await answer.content.readline()
        door.store.create(CONFIGMAPS, config_map("last"))
        await door.listener.close()
        assert await answer.read() == b"ADDED last\n"


@contextlib.asynccontextmanager
async def watching(door: Door, target: str = "/", **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with asyncio.timeout(PATIENCE), door.client.ws_connect(target, headers=headers) as socket:
        yield socket


async def test_a_watch_in_a_web_socket_has_a_text_message_for_every_event() -> None:
    async with served(watch) as door, watching(door, Origin="http://localhost") as socket:
        assert await socket.receive_str() == "first\n"
        for name in ("a", "b"):
            door.store.create(CONFIGMAPS, config_map(name))
        assert [await socket.receive_str() for _ in range(2)] == ["ADDED a\n", "ADDED b\n"]


async def test_a_watch_in_a_web_socket_is_closed_when_its_time_is_up() -> None:
    async with served(watch) as door, watching(door, "/?timeout=0.05") as socket:
        assert [message.data async for message in socket] == ["first\n"]
        assert socket.close_code == 1000


async def test_a_watch_in_a_web_socket_is_closed_when_the_server_closes() -> None:
    async with served(watch) as door, watching(door) as socket:
        await socket.receive_str()
        door.store.create(CONFIGMAPS, config_map("last"))
        closing = asyncio.create_task(door.listener.close())
        assert [message.data async for message in socket] == ["ADDED last\n"]
        await closing


async def test_a_watch_that_fails_at_once_says_so_in_the_web_socket() -> None:
    def expired(_: Request) -> Watch:
        return Watch(CONFIGMAPS, 0, [b"ERROR\n"], line, None, 0, is_over=True)

    async with served(expired) as door, watching(door) as socket:
        assert [message.data async for message in socket] == ["ERROR\n"]


class NotingStore(Store):
    """Notes when a watch of it has been stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = asyncio.Event()

    def watch(self, resource: Resource, resource_version: int, sink: Sink) -> Callable[[], None]:
        stop = super().watch(resource, resource_version, sink)

        def stop_and_note() -> None:
            stop()
            self.stopped.set()

        return stop_and_note


async def test_a_watch_ends_when_its_web_socket_is_closed() -> None:
    store = NotingStore()
    async with served(watch, store=store) as door:
        async with watching(door) as socket:
            await socket.receive_str()
            await socket.ping()
            assert not store.stopped.is_set()
        await asyncio.wait_for(store.stopped.wait(), PATIENCE)


@pytest.mark.parametrize(
    ("offered", "spoken"), [([], None), (["a"], "a"), (["a", "b"], None)], ids=["none", "one", "more-than-one"]
)
async def test_a_watchs_web_socket_speaks_the_only_protocol_offered(offered: list[str], spoken: str | None) -> None:
    async with served(watch) as door, door.client.ws_connect("/", protocols=offered) as socket:
        assert (await socket.receive_str(timeout=PATIENCE), socket.protocol) == ("first\n", spoken)


async def test_a_refusal_of_a_watch_is_no_web_socket() -> None:
    async with served(echo) as door:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await door.client.ws_connect("/")
        assert caught.value.status == 200
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await door.client.ws_connect("/", headers={"Authorization": "Bearer x", "Origin": "http://localhost"})
        assert caught.value.status == 403


async def test_bookmarks_tell_the_version_to_clients_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_watch, "BOOKMARK_SECONDS", 0.01)
    async with served(watch) as door, door.client.get("/?bookmarks=true") as answer:
        door.store.create(NAMESPACES, {"metadata": {"name": "elsewhere"}})
        lines = [await answer.content.readline() for _ in range(2)]
        assert lines[1] == b"BOOKMARK 1\n"


async def test_a_watcher_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_watch, "PENDING_LIMIT", 100)

    def endless(_: Request) -> Watch:
        return Watch(CONFIGMAPS, 0, [], lambda _: bytes(1_000_000), None, 0)

    async with served(endless) as door:
        reader, writer = await asyncio.open_connection(HOST, door.port, limit=1000)
        headers = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        for number in range(300):
            door.store.create(CONFIGMAPS, config_map(f"c{number}"))
            await asyncio.sleep(0)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            async with asyncio.timeout(PATIENCE):
                await reader.readexactly(250_000_000)
        writer.close()


async def test_a_client_that_goes_away_ends_its_watch() -> None:
    store = Store()
    async with served(watch, store=store) as door:
        answer = await door.client.get("/")
        await answer.content.readline()
        assert len(door.listener._watches) == 1
        answer.close()
        async with asyncio.timeout(PATIENCE):
            while door.listener._watches:
                await asyncio.sleep(0.001)
