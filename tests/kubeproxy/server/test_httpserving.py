"""The HTTP of health and metrics, as clients of all kinds ask for it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator

import pytest
from tests.helpers.patience import PATIENCE

from kubeproxy.server import httpserving
from kubeproxy.server.httpserving import HEAD_BYTES, TEXT, Said, _Client, serving

HOST = b"Host: x\r\n\r\n"
LAST = b"GET /b HTTP/1.1\r\nConnection: close\r\n" + HOST


async def handle(path: str, query: str) -> Said:
    return Said(200, TEXT, f"{path} {query}".rstrip())


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    async with serving(sock, handle), asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        with contextlib.closing(writer):
            yield reader, writer


async def said(*pieces: bytes) -> list[tuple[int, str]]:
    """Return the status and the body of each answer to some bytes, until the server closes."""
    async with connected() as (reader, writer):
        for each in pieces:
            writer.write(each)
            await asyncio.sleep(0)
        text = (await reader.read()).decode()
    answers = re.split(r"(?=HTTP/1\.1 \d)", text)[1:]
    return [(int(each[9:12]), each.partition("\r\n\r\n")[2]) for each in answers]


ASKED: dict[str, tuple[bytes, list[tuple[int, str]]]] = {
    "one-after-another": (b"GET /a?x HTTP/1.1\r\n" + HOST + LAST, [(200, "/a x"), (200, "/b")]),
    "head": (b"HEAD /a HTTP/1.1\r\n" + HOST + LAST, [(200, ""), (200, "/b")]),
    "post": (b"POST /a HTTP/1.1\r\n" + HOST + LAST, [(405, "GET and HEAD are served\n"), (200, "/b")]),
    "http-1.0": (b"GET /a HTTP/1.0\r\n\r\n", [(200, "/a")]),
    "with-a-body": (b"GET /a HTTP/1.1\r\nContent-Length: 2\r\n" + HOST, [(200, "/a")]),
    "no-host": (b"GET /a HTTP/1.1\r\n\r\n", [(400, "no Host\n")]),
    "no-http": (b"hello\r\n\r\n", [(400, "malformed request line\n")]),
    "without-end": (b"GET /" + bytes(HEAD_BYTES), [(431, f"a head of more than {HEAD_BYTES} bytes\n")]),
}


@pytest.mark.parametrize(("asked", "answers"), ASKED.values(), ids=ASKED)
async def test_requests_are_answered_in_their_order(asked: bytes, answers: list[tuple[int, str]]) -> None:
    assert await said(asked) == answers


async def test_a_head_may_come_in_pieces() -> None:
    assert await said(*(LAST[at : at + 1] for at in range(len(LAST)))) == [(200, "/b")]


async def test_a_client_that_does_not_take_its_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def long(_path: str, _query: str) -> Said:
        return Said(200, TEXT, "x" * 20_000_000)

    monkeypatch.setattr(httpserving, "HEAD_SECONDS", 0.05)
    ended = asyncio.Event()
    monkeypatch.setattr(_Client, "connection_lost", lambda *_: ended.set())
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    async with serving(sock, long), asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        with contextlib.closing(writer):
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(LAST)
            await ended.wait()


async def test_a_client_that_leaves_and_one_that_stays_harm_nobody() -> None:
    async with connected() as (reader, writer):
        writer.write(b"GET /a HTTP/1.1\r\n" + HOST)
        assert (await reader.readuntil(b"/a")).startswith(b"HTTP/1.1 200 OK\r\n")
        _, other = await asyncio.open_connection(*writer.get_extra_info("peername"))
        other.write(b"GET /a HTTP/1.1\r\n" + HOST)
        other.transport.abort()
        writer.write(LAST)
        assert (await reader.read()).endswith(b"/b")
