"""Every byte of requests and answers arrives, however they are framed and whoever is slow: real sockets, and hashes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import socket
from typing import NamedTuple

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from tests.helpers.kubeproxy.http import A, Running, Talk, endpoint, http_front
from tests.helpers.patience import PATIENCE

MIB = 1024 * 1024
TURNS = 50
"""Of the event loop, at most, that a slow reader waits: the proxy and the kernel fill up meanwhile."""


class Round(NamedTuple):
    """A request with a body of ``asked`` bytes, and an answer of ``answered`` ones, by length or in chunks."""

    asked: int
    answered: int
    is_chunked: bool


class SlowTalk(Talk):
    """A client that reads in its own time."""

    def __init__(self, sock: socket.socket, rng: random.Random) -> None:
        super().__init__(sock)
        self._rng = rng

    async def receive(self) -> bytes:
        """Return what comes next, perhaps after a while."""
        await wait_a_little(self._rng)
        return await super().receive()


async def wait_a_little(rng: random.Random) -> None:
    for _ in range(rng.choice((0, 0, 0, rng.randrange(TURNS)))):
        await asyncio.sleep(0)


class Server:
    """Answers ``rounds`` one after the other; ``heard`` are the hashes of what it was asked."""

    def __init__(self, rounds: list[Round], rng: random.Random) -> None:
        self._rounds = rounds
        self._rng = rng
        self.heard: list[bytes] = []
        self.said: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer while there are requests."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                round_ = self._rounds[len(self.heard)]
                heard, left = hashlib.sha256(), round_.asked
                while left:
                    await wait_a_little(self._rng)
                    piece = await reader.read(min(left, self._rng.randrange(1, 256 * 1024)))
                    heard.update(piece)
                    left -= len(piece)
                self.heard.append(heard.digest())
                await self._answer(round_, writer)

    async def _answer(self, round_: Round, writer: asyncio.StreamWriter) -> None:
        words = self._rng.randbytes(round_.answered)
        self.said.append(hashlib.sha256(words).digest())
        framing = b"Transfer-Encoding: chunked" if round_.is_chunked else b"Content-Length: %d" % len(words)
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing)
        while words:
            size = self._rng.randrange(1, 256 * 1024)
            piece, words = words[:size], words[size:]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if round_.is_chunked else piece)
            await writer.drain()
        if round_.is_chunked:
            writer.write(b"0\r\n\r\n")


async def ask(talk: Talk, round_: Round, rng: random.Random) -> tuple[bytes, bytes]:
    """Say one request, and return the hashes of its body and of its answer's."""
    words = rng.randbytes(round_.asked)
    saying = asyncio.create_task(
        talk.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(words) + words)
    )
    reply = await talk.answer()
    await saying
    assert reply.status == 200
    return hashlib.sha256(words).digest(), hashlib.sha256(reply.body).digest()


async def converse(rounds: list[Round], *, has_small_buffer: bool, seed: int) -> None:
    rng = random.Random(seed)
    server = Server(rounds, rng)
    async with endpoint(A, server.serve), http_front(A) as running, asyncio.timeout(PATIENCE):
        talk = SlowTalk((await connected(running, has_small_buffer=has_small_buffer)), rng)
        told = [await ask(talk, each, rng) for each in rounds]
        assert [asked for asked, _ in told] == server.heard
        assert [answered for _, answered in told] == server.said


async def connected(running: Running, *, has_small_buffer: bool) -> socket.socket:
    sock = (await running.connect()).sock
    if has_small_buffer:
        # Twice the loopback's segment of 64 KiB, at least: with less the kernel sends only when its timers run out.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
    return sock


sizes = st.one_of(st.integers(0, 1000), st.integers(0, 4 * MIB))


@given(
    rounds=st.lists(st.builds(Round, asked=sizes, answered=sizes, is_chunked=st.booleans()), min_size=1, max_size=3),
    has_small_buffer=st.booleans(),
    seed=st.integers(0, 1000),
)
@example(rounds=[Round(0, 8 * MIB, False), Round(8 * MIB, 0, True)], has_small_buffer=False, seed=1)
@settings(max_examples=12, phases=(Phase.explicit, Phase.generate))  # a hang is not made smaller
def test_every_byte_arrives_however_it_is_framed_and_whoever_is_slow(
    rounds: list[Round], has_small_buffer: bool, seed: int
) -> None:
    asyncio.run(converse(rounds, has_small_buffer=has_small_buffer, seed=seed))
