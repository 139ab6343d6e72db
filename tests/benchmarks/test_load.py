from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from benchmarks.load import Generator

from benchmarks import load

ADDRESS = "127.37.0.1"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npod\n"


@asynccontextmanager
async def server(answer: bytes | None, sources: set[str] | None = None) -> AsyncIterator[int]:
    """Answer every request with the same bytes, or never (None)."""
    is_over = asyncio.Event()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if sources is not None:
            sources.add(writer.get_extra_info("peername")[0])
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await is_over.wait()
            else:
                writer.write(answer)
        finally:
            writer.close()

    async with await asyncio.start_server(respond, ADDRESS, 0) as listening:
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            is_over.set()
            await asyncio.sleep(0)


async def test_a_closed_loop_keeps_its_clients_at_work_from_addresses_of_their_own() -> None:
    sources: set[str] = set()
    async with server(ANSWER, sources) as port:
        generator = Generator(ADDRESS, port)
        await generator.closed_loop(3, 0.1)
    trial = generator.trial
    assert set(trial.answers) == {"pod"}
    assert trial.answers["pod"] == len(trial.latencies) == trial.offered >= 3
    assert not trial.errors
    assert sources == {"127.36.0.1", "127.36.0.2", "127.36.0.3"}


async def test_an_open_loop_sends_what_is_due() -> None:
    async with server(ANSWER) as port:
        generator = Generator(ADDRESS, port)
        await generator.open_loop(2, 0.2, 200.0)
    assert generator.trial.answers["pod"] == generator.trial.offered > 10


async def test_requests_beyond_the_bound_are_counted_and_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAX_WAITING", 2)
    monkeypatch.setattr(load, "TIMEOUT", 0.3)
    async with server(None) as port:
        generator = Generator(ADDRESS, port)
        await generator.open_loop(1, 0.1, 500.0)
    errors = generator.trial.errors
    assert errors["TimeoutError"] == 2
    assert errors["not sent"] == generator.trial.offered - 2
    assert all(latency >= 300_000 for latency in generator.trial.latencies)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 503 Service Unavailable", id="status"),
        pytest.param(b"", "no answer", id="closed without an answer"),
    ],
)
async def test_a_bad_answer_is_an_error_by_its_name(answer: bytes, error: str) -> None:
    async with server(answer) as port:
        generator = Generator(ADDRESS, port)
        await generator.request(0, 0.0)
    assert generator.trial.errors == {error: 1}


async def test_a_refused_connection_is_an_error_by_its_name() -> None:
    async with server(ANSWER) as port:
        pass
    generator = Generator(ADDRESS, port)
    await generator.request(0, 0.0)
    assert generator.trial.errors == {"ConnectionRefusedError": 1}
